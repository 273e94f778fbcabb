package incus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/incus/inside"
	"github.com/jarloop/jarloop/deployer/logs"
)

const (
	// lookOften is how often the mirror of what is printed is looked at.
	lookOften = 20 * time.Millisecond
	// lookAgain is how often an instance is looked for that does not run.
	lookAgain = 500 * time.Millisecond
)

// Follow gives what the service of an instance prints, a line at a time.
func (e *Engine) Follow(ctx context.Context, name string, o deployer.FollowOptions, line func(deployer.Line)) error {
	if _, _, ok := parseName(name); !ok {
		return fmt.Errorf("follow %q: no name of a service with a number", name)
	}
	f := &following{e: e, name: name, keep: o.Keep, lines: make(chan deployer.Line)}
	var all sync.WaitGroup
	var wrong [2]error
	all.Go(func() { wrong[0] = f.out(ctx) })
	if len(o.Files) > 0 {
		all.Go(func() { wrong[1] = f.files(ctx, o.Files) })
	}
	go func() {
		all.Wait()
		close(f.lines)
	}()
	for l := range f.lines {
		line(l)
	}
	return errors.Join(wrong[:]...)
}

// following is what one call of Follow is at.
type following struct {
	e     *Engine
	name  string
	keep  int64
	lines chan deployer.Line // to who called
}

// give hands on a line of a file, "" for what the service prints.
func (f *following) give(file string, l logs.Line) {
	if guest.IsJVMNote(l.Text) {
		return
	}
	service, _, _ := parseName(f.name)
	f.lines <- deployer.Line{
		Service: service, Generation: f.name, File: file, Text: l.Text, Coloured: l.Coloured, Unfinished: l.Unfinished, Offset: l.Offset,
	}
}

// out follows the mirror of what the service prints, while that is kept up to date.
func (f *following) out(ctx context.Context) error {
	kept := f.e.kept(f.name)
	mirrored, done := context.WithCancel(context.WithoutCancel(ctx))
	var pump sync.WaitGroup
	defer pump.Wait()
	pump.Go(func() {
		defer done()
		f.e.mirror(ctx, f.name, f.keep)
	})
	_, err := logs.Follow(mirrored, func() (*os.File, error) { return logs.Open(kept.Out()) }, kept.Start(), logs.Options{
		Keep: f.keep, Poll: lookOften,
		Given: func(open *os.File, offset int64) {
			logs.Reached{Inode: logs.InodeOf(open), Offset: offset}.Write(string(kept))
		},
	}, func(l logs.Line) { f.give("", l) })
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("follow what %s prints: %w", f.name, err)
}

// mirror keeps the mirror up to date until ctx ends, and then once more.
func (e *Engine) mirror(ctx context.Context, name string, keep int64) {
	for ctx.Err() == nil {
		held := newOpen(ctx)
		_ = e.fetch(context.WithoutCancel(ctx), name, inside.Request{Keep: keep, Stay: true}, held) // it is tried again
		held.close()
		if ctx.Err() == nil {
			_ = e.fetchNow(ctx, name) // of what has stopped
			_ = deployer.Pause(ctx, lookAgain)
		}
	}
	_ = e.fetchNow(context.WithoutCancel(ctx), name) // what cannot be had now is not there
}

// fetchNow brings the mirror up to what is printed by now.
func (e *Engine) fetchNow(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	err := e.fetch(ctx, name, inside.Request{}, bytes.NewReader(nil))
	if errors.Is(err, deployer.ErrStopped) && !errors.Is(err, errNone) {
		return e.fetchStopped(ctx, name)
	}
	return err
}

// fetch has the program inside send what is beyond the end of the mirror.
func (e *Engine) fetch(ctx context.Context, name string, r inside.Request, follows io.Reader) error {
	out, err := e.openMirror(name)
	if err != nil {
		return err
	}
	defer out.Close()
	info, err := out.Stat()
	if err != nil {
		return err
	}
	r.Call, r.Offset = inside.CallOutput, info.Size()
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := writePieces(out, bufio.NewReader(reader), r.Offset)
		reader.CloseWithError(err)
		written <- err
	}()
	err = e.stream(ctx, name, r, follows, writer)
	_ = writer.Close()
	return errors.Join(err, <-written)
}

// openMirror opens the mirror of what an instance prints. Only that of one that was
// made is there.
func (e *Engine) openMirror(name string) (*os.File, error) {
	kept := e.kept(name)
	if err := os.MkdirAll(kept.Reports(), 0o755); err != nil { // #nosec G301 -- as deployer/lxc has it
		return nil, err
	}
	return os.OpenFile(kept.Out(), os.O_CREATE|os.O_RDWR, 0o600)
}

// writePieces writes what comes at the offsets that it has in the guest. Who writes the
// same beside this writes the same there.
func writePieces(out *os.File, from *bufio.Reader, reached int64) error {
	buffer := make([]byte, 64<<10)
	for {
		line, err := from.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		var p inside.Piece
		if err == nil {
			err = json.Unmarshal(line, &p)
		}
		if err == nil && (p.Bytes < 0 || p.Bytes > len(buffer) || p.Offset < 0) {
			err = fmt.Errorf("a piece of %d bytes at %d", p.Bytes, p.Offset)
		}
		if err == nil {
			_, err = io.ReadFull(from, buffer[:p.Bytes])
		}
		if err == nil && p.Offset < reached { // it was emptied
			err = out.Truncate(0)
		}
		if err == nil {
			_, err = out.WriteAt(buffer[:p.Bytes], p.Offset)
		}
		if err != nil {
			return err
		}
		reached = p.Offset + int64(p.Bytes)
	}
}

// fetchStopped brings the mirror of a stopped instance to its end. What was given back to
// its disk comes as zeros, as it is here.
func (e *Engine) fetchStopped(ctx context.Context, name string) error {
	ctx, cancel := e.on(ctx, name)
	defer cancel()
	files, err := e.Client.Files(ctx, e.full(name))
	if err != nil {
		return err
	}
	defer files.Close()
	const printed = guest.Reports + "/out"
	f, err := files.Look(printed)
	if err == nil && !f.Mode.IsRegular() {
		err = fmt.Errorf("what %s has printed is no regular file", name)
	}
	if err != nil {
		return err
	}
	out, err := e.openMirror(name)
	if err != nil {
		return err
	}
	defer out.Close()
	info, err := out.Stat()
	if err != nil || info.Size() >= f.Size {
		return err
	}
	content, err := files.Open(printed, info.Size())
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(io.NewOffsetWriter(out, info.Size()), content)
	return err
}

// mostWords is how many lines Tail looks at: a JVM's trace has up to 1024 frames
// (java(1), -XX:MaxJavaStackTraceDepth), and there are causes.
const mostWords = 2000

// Tail gives what the service of an instance printed last.
func (e *Engine) Tail(name string) []string {
	if _, _, ok := parseName(name); !ok {
		return nil
	}
	kept := e.kept(name)
	if _, err := os.Lstat(string(kept)); err == nil { // else none was made
		_ = e.fetchNow(context.Background(), name) // what cannot be had now is not there
	}
	last, _ := logs.Tail(kept.Out(), mostWords) // none is an answer too
	return logs.Trace(last)
}

// Prune removes what is kept of instances that are gone, but for the newest.
func (e *Engine) Prune(ctx context.Context, service string, keep int) error {
	found, err := e.members.instances(ctx)
	if err != nil {
		return err
	}
	inUse := map[string]bool{}
	for _, i := range found {
		if name, ok := e.short(i.Name); ok {
			if s, n, _ := parseName(name); s == service {
				inUse[strconv.Itoa(n)] = true
			}
		}
	}
	return logs.Prune(filepath.Join(e.Logs, service), keep, inUse)
}
