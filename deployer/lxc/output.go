package lxc

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/logs"
)

// lookEvery is how often new files that match patterns are looked for.
const lookEvery = time.Second

// Follow gives what the service of an instance prints, a line at a time.
func (e *Engine) Follow(ctx context.Context, name string, o deployer.FollowOptions, line func(deployer.Line)) error {
	f := &following{e: e, name: name, keep: o.Keep, lines: make(chan deployer.Line), known: map[string]bool{}}
	var all sync.WaitGroup
	var wrong []error
	errs := make(chan error)
	spawn := func(follow func() error) { all.Go(func() { errs <- follow() }) }
	spawn(func() error { return f.out(ctx) })
	if len(o.Files) > 0 {
		spawn(func() error { return f.files(ctx, o.Files, spawn) })
	}
	go func() {
		all.Wait()
		close(f.lines)
	}()
	for {
		select {
		case err := <-errs:
			wrong = append(wrong, err)
		case l, more := <-f.lines:
			if !more {
				return errors.Join(wrong...)
			}
			line(l)
		}
	}
}

// following is what one call of Follow is at.
type following struct {
	e     *Engine
	name  string
	keep  int64
	lines chan deployer.Line // to who called
	known map[string]bool    // files inside that are followed; of files alone
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

// out follows the service's standard output and error, from where the agent
// before has come to, and keeps it bounded.
func (f *following) out(ctx context.Context) error {
	kept := f.e.disk.kept(f.name)
	file := kept.Out()
	look, end := f.e.notices.of(file)
	defer end()
	_, err := logs.Follow(ctx, func() (*os.File, error) { return logs.Open(file) }, kept.Start(), logs.Options{
		Keep: f.keep, Look: look,
		Given: func(open *os.File, offset int64) {
			logs.Reached{Inode: logs.InodeOf(open), Offset: offset}.Write(string(kept))
		},
	}, func(l logs.Line) { f.give("", l) })
	return f.wrong("what it prints", err)
}

// files follows the files inside that the service writes beside its output, also
// those that are still to come.
func (f *following) files(ctx context.Context, patterns []string, spawn func(func() error)) error {
	for {
		for _, pattern := range patterns {
			names, err := inside(context.WithoutCancel(ctx), f.e, f.name, quick, func(r *guest.Root) ([]string, error) { return r.Glob(pattern) })
			if err != nil {
				continue // the instance may still come up
			}
			for _, name := range names {
				if !f.known[name] {
					f.known[name] = true
					spawn(func() error { return f.file(ctx, name) })
				}
			}
		}
		if deployer.Pause(ctx, lookEvery) != nil {
			return nil
		}
	}
}

// file follows one file inside, and keeps a copy of it on the host, which the
// guest cannot reach: the file itself goes with the instance.
func (f *following) file(ctx context.Context, name string) error {
	to := f.e.disk.kept(f.name).Copy(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return f.wrong("a copy of "+name, err)
	}
	kept, err := os.OpenFile(to, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return f.wrong("a copy of "+name, err)
	}
	defer kept.Close()
	open := func() (*os.File, error) { return f.open(ctx, name) }
	start := int64(0)
	if r, noted := logs.ReadReached(to); noted {
		if file, err := open(); err == nil {
			start = r.In(file)
			file.Close()
		}
	}
	var piece bytes.Buffer
	var lines []logs.Line // of the piece: whoever has got one finds it in the copy
	written, size := int64(0), sizeOf(kept)
	_, err = logs.Follow(ctx, open, start, logs.Options{
		Poll: lookOften,
		Given: func(file *os.File, offset int64) {
			n, _ := kept.Write(piece.Bytes()) // a full disk stops no service
			piece.Reset()
			size += int64(n)
			for _, l := range lines {
				f.give(path.Base(name), l)
			}
			lines = nil
			logs.Reached{Inode: logs.InodeOf(file), Offset: offset}.Write(to)
			if written += int64(n); f.keep > 0 && written > f.keep {
				written = 0
				_ = logs.Bound(kept, f.keep) // best effort, as above
				size = sizeOf(kept)
			}
		},
	}, func(l logs.Line) {
		if !l.Unfinished {
			piece.WriteString(cmp.Or(l.Coloured, l.Text) + "\n")
		}
		l.Offset = size + int64(piece.Len())
		lines = append(lines, l)
	})
	return f.wrong(name, err)
}

// sizeOf is 0 where it cannot be known, and lines are not found by their offset then.
func sizeOf(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// open opens a file inside. That the instance does not run is no other than that
// the file is not there: what was open is read to its end.
func (f *following) open(ctx context.Context, name string) (*os.File, error) {
	file, err := inside(context.WithoutCancel(ctx), f.e, f.name, quick, func(r *guest.Root) (*os.File, error) { return r.Open(name) })
	if errors.Is(err, deployer.ErrStopped) {
		return nil, fs.ErrNotExist
	}
	return file, err
}

func (f *following) wrong(what string, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("follow %s of %s: %w", what, f.name, err)
}

// mostWords is how many lines Tail looks at: a JVM's trace has up to 1024 frames
// (java(1), -XX:MaxJavaStackTraceDepth), and there are causes.
const mostWords = 2000

// Tail gives what the service of an instance printed last.
func (e *Engine) Tail(name string) []string {
	if _, _, ok := parseName(name); !ok {
		return nil
	}
	last, _ := logs.Tail(e.disk.kept(name).Out(), mostWords) // none is an answer too
	return logs.Trace(last)
}

// Prune removes what is kept of instances that are gone, but for the newest.
func (e *Engine) Prune(_ context.Context, service string, keep int) error {
	inUse := map[string]bool{}
	entries, err := os.ReadDir(e.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if s, n, ok := parseName(entry.Name()); ok && s == service {
			inUse[strconv.Itoa(n)] = true
		}
	}
	return logs.Prune(filepath.Join(e.Logs, service), keep, inUse)
}
