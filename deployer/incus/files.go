package incus

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/inside"
	"github.com/jarloop/jarloop/deployer/logs"
)

// files follows files inside, until ctx ends.
func (f *following) files(ctx context.Context, patterns []string) error {
	c := &copies{f: f, open: map[string]*fileCopy{}}
	defer c.close()
	for ctx.Err() == nil {
		held := newOpen(ctx)
		reader, writer := io.Pipe()
		read := make(chan error, 1)
		go func() {
			err := c.take(bufio.NewReader(reader))
			reader.CloseWithError(err)
			read <- err
		}()
		r := inside.Request{Call: inside.CallLines, Files: patterns, Reached: f.reached()}
		_ = f.e.stream(context.WithoutCancel(ctx), f.name, r, held, writer) // it is tried again
		_ = writer.Close()
		held.close()
		if err := <-read; err != nil {
			return fmt.Errorf("follow files of %s: %w", f.name, err)
		}
		_ = deployer.Pause(ctx, lookAgain)
	}
	return nil
}

// reached is how far files inside were read, by what is noted at their copies.
func (f *following) reached() map[string]inside.Reached {
	all := map[string]inside.Reached{}
	folder := filepath.Dir(f.e.kept(f.name).Copy("x"))
	entries, _ := os.ReadDir(folder) // none was read
	for _, entry := range entries {
		name, err := url.PathUnescape(entry.Name())
		if r, noted := logs.ReadReached(filepath.Join(folder, entry.Name())); noted && err == nil {
			all[name] = inside.Reached{Inode: r.Inode, Offset: r.Offset}
		}
	}
	return all
}

// copies are those of files inside.
type copies struct {
	f    *following
	open map[string]*fileCopy
}

// fileCopy is one of them.
type fileCopy struct {
	file    *os.File
	path    string
	piece   bytes.Buffer
	lines   []logs.Line // of the piece: whoever has got one finds it in the copy
	written int64
	size    int64
}

func (c *copies) close() {
	for _, one := range c.open {
		one.file.Close()
	}
}

// take gives the lines that come, and notes how far they go.
func (c *copies) take(from *bufio.Reader) error {
	for {
		text, err := from.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		var l inside.Line
		if err == nil {
			err = json.Unmarshal(text, &l)
		}
		if err != nil {
			return err
		}
		one, err := c.of(l.File)
		if err != nil {
			return err
		}
		if l.Reached != nil {
			c.note(one, l.File, *l.Reached)
			continue
		}
		if !l.Unfinished {
			one.piece.WriteString(cmp.Or(l.Coloured, l.Text) + "\n")
		}
		one.lines = append(one.lines, logs.Line{
			Text: l.Text, Coloured: l.Coloured, Unfinished: l.Unfinished, Offset: one.size + int64(one.piece.Len()),
		})
	}
}

func (c *copies) of(name string) (*fileCopy, error) {
	if one := c.open[name]; one != nil {
		return one, nil
	}
	to := c.f.e.kept(c.f.name).Copy(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	c.open[name] = &fileCopy{file: file, path: to, size: sizeOf(file)}
	return c.open[name], nil
}

// note writes what has come, gives it, and notes how far that goes.
func (c *copies) note(o *fileCopy, name string, r inside.Reached) {
	n, _ := o.file.Write(o.piece.Bytes()) // a full disk stops no service
	o.piece.Reset()
	o.size += int64(n)
	for _, l := range o.lines {
		c.f.give(path.Base(name), l)
	}
	o.lines = nil
	logs.Reached{Inode: r.Inode, Offset: r.Offset}.Write(o.path)
	if o.written += int64(n); c.f.keep > 0 && o.written > c.f.keep {
		o.written = 0
		_ = logs.Bound(o.file, c.f.keep) // best effort, as above
		o.size = sizeOf(o.file)
	}
}

// sizeOf is 0 where it cannot be known, and lines are not found by their offset then.
func sizeOf(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
