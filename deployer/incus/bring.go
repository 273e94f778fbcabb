package incus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// streamer has the program in some guest make a call whose answers go to out.
type streamer func(ctx context.Context, r inside.Request, follows io.Reader, out io.Writer) error

func (e *Engine) streamTo(name string) streamer {
	return func(ctx context.Context, r inside.Request, follows io.Reader, out io.Writer) error {
		return e.stream(ctx, name, r, follows, out)
	}
}

// brought are the files that a call brings.
type brought struct {
	parts []inside.Part
	paths map[string]string // by content: a file of the agent's
}

// filesOf gives the files and folders below one of the agent's. What is neither a
// regular file nor a folder is an error.
func filesOf(ctx context.Context, source string) (brought, error) {
	b := brought{paths: map[string]string{}}
	err := filepath.WalkDir(source, func(file string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, context.Cause(ctx)); err != nil || file == source {
			return err
		}
		name, err := filepath.Rel(source, file)
		if err == nil {
			err = b.add(file, filepath.ToSlash(name), d)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		return nil
	})
	return b, err
}

func (b *brought) add(file, name string, d fs.DirEntry) error {
	if d.IsDir() {
		b.parts = append(b.parts, inside.Part{Name: name, Mode: fs.ModeDir | 0o755})
		return nil
	}
	if !d.Type().IsRegular() {
		return guest.ErrIrregular
	}
	return b.addFile(file, name)
}

func (b *brought) addFile(file, name string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return err
	}
	one := inside.Part{Name: name, Mode: info.Mode().Perm(), Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}
	b.parts, b.paths[one.SHA256] = append(b.parts, one), file
	return nil
}

// write writes what is lacked, compressed: what a build makes anew is not always so by
// itself, and what is costs little more.
func (b *brought) write(ctx context.Context, lacks []inside.Lack, to io.Writer) error {
	w, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return err
	}
	for _, lack := range lacks {
		path, is := b.paths[lack.SHA256]
		if !is {
			return fmt.Errorf("a file with the SHA-256 %q was asked for, which nobody has", lack.SHA256)
		}
		if err := copyFrom(ctx, w, path, lack.From); err != nil {
			return err
		}
	}
	return w.Close()
}

func copyFrom(ctx context.Context, to io.Writer, path string, offset int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(to, f)
	return errors.Join(err, context.Cause(ctx))
}

// again is how often in a row a call that brings files is made anew without more of it
// having come.
const again = 3

// bring makes a call that brings files. One whose connection breaks goes on from where it
// was.
func (e *Engine) bring(ctx context.Context, to streamer, r inside.Request, files brought) (inside.Answer, error) {
	r.Parts = files.parts
	for n, least := 0, int64(-1); ; n++ {
		left, over, a, err := e.bringOnce(ctx, to, r, files)
		if err == nil || over || errors.Is(err, deployer.ErrStopped) || context.Cause(ctx) != nil {
			return a, err
		}
		if left >= 0 && (least < 0 || left < least) {
			n, least = 0, left
		}
		if n == again {
			return a, err
		}
		if err := deployer.Pause(ctx, 200*time.Millisecond); err != nil {
			return a, err
		}
	}
}

// bringOnce says how many bytes were lacked, -1 where that was not said, and whether an
// error is one that would come again.
func (e *Engine) bringOnce(ctx context.Context, to streamer, r inside.Request, files brought) (left int64, over bool, a inside.Answer, err error) {
	moving := api.NewProgress(ctx, e.stalled, late("nothing has come from the guest", e.stalled))
	defer moving.End()
	defer moving.Begin()()
	ctx = moving.Context()
	reader, writer := io.Pipe()
	left = -1
	written := make(chan error, 1)
	heard := &lines{each: func(a inside.Answer) {
		moving.Moved()
		if a.Lacks == nil || left >= 0 {
			return
		}
		left = files.size(a.Lacks)
		go func() {
			err := files.write(ctx, a.Lacks, writer)
			writer.CloseWithError(err)
			written <- err
		}()
	}}
	err = to(ctx, r, reader, heard)
	_ = reader.Close()
	if left >= 0 {
		if failed := <-written; failed != nil && !errors.Is(failed, io.ErrClosedPipe) && context.Cause(ctx) == nil {
			return left, true, a, failed // the cause
		}
	}
	if err == nil && heard.last == nil {
		err = errCut
	}
	if err != nil {
		return left, false, a, err
	}
	err = heard.last.Err()
	return left, !errors.Is(err, io.ErrUnexpectedEOF), *heard.last, err
}

// size is how much of the files is lacked.
func (b *brought) size(lacks []inside.Lack) (size int64) {
	from := map[string]int64{}
	for _, lack := range lacks {
		from[lack.SHA256] = lack.From
	}
	for _, one := range b.parts {
		if offset, is := from[one.SHA256]; is {
			size += one.Size - offset
			delete(from, one.SHA256)
		}
	}
	return size
}

// lines reads answers, one a line.
type lines struct {
	each func(inside.Answer)
	rest []byte
	last *inside.Answer // the one after which no other comes
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, ended := bytes.Cut(l.rest, []byte("\n"))
		if !ended {
			return len(p), nil
		}
		l.rest = rest
		var a inside.Answer
		if err := json.Unmarshal(line, &a); err != nil {
			return 0, fmt.Errorf("no answer: %.100s: %w", strings.TrimSpace(string(line)), err)
		}
		if l.each(a); !a.More {
			l.last = &a
		}
	}
}
