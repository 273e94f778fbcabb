package config

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// lookSeldom is the time between looks at the file where no hint comes: the
	// kernel may have no more of them to give, or see nothing of the file's
	// filesystem, or of what a link leads to.
	lookSeldom = 5 * time.Second
	// still is how long the file must have been as it is. Editors write in
	// parts, or move the old file away before the new one comes.
	still = 250 * time.Millisecond
)

// Follow calls changed each time that the file has become another one, with what
// Load gives for it then, until ctx ends. It begins with the file that data, as
// Parse was given it, was read from. A file that is gone or cannot be used is reported
// once, until it changes again. Calls come from this one goroutine.
func Follow(ctx context.Context, path string, data []byte, changed func(context.Context, *Config, error)) {
	events, errs := make(chan fsnotify.Event), make(chan error)
	if w, err := fsnotify.NewWatcher(); err == nil {
		defer w.Close()
		// By its folder, since editors put another file in its place.
		if w.Add(filepath.Dir(path)) == nil {
			events, errs = w.Events, w.Errors
		}
	}
	known := snapshot{data: data}
	for ctx.Err() == nil {
		if now := settled(ctx, path, known); !now.same(known) && ctx.Err() == nil {
			known = now
			c, err := now.parse(path)
			changed(ctx, c, err)
		}
		wait(ctx, filepath.Base(path), events, errs)
	}
}

// wait returns when something happens to the file of that name, and at times when
// nothing does.
func wait(ctx context.Context, name string, events <-chan fsnotify.Event, errs <-chan error) {
	seldom := time.After(lookSeldom)
	for {
		select {
		case <-ctx.Done():
			return
		case <-seldom:
			return
		case <-errs: //nolint:errcheck // an overflow: looking is never wrong
			return
		case e := <-events:
			if filepath.Base(e.Name) == name {
				return
			}
		}
	}
}

// settled gives what the file is like when it is as it was, or still.
func settled(ctx context.Context, path string, known snapshot) snapshot {
	now := snap(path)
	for !now.same(known) {
		select {
		case <-ctx.Done():
			return now
		case <-time.After(still):
		}
		next := snap(path)
		if next.same(now) {
			break
		}
		now = next
	}
	return now
}

// snapshot is what a file is like at one moment: its content, or what is wrong.
type snapshot struct {
	data []byte
	err  error
}

func snap(path string) snapshot {
	data, err := Read(path)
	return snapshot{data, err}
}

func (s snapshot) same(other snapshot) bool {
	return bytes.Equal(s.data, other.data) && fmt.Sprint(s.err) == fmt.Sprint(other.err)
}

func (s snapshot) parse(path string) (*Config, error) {
	if s.err != nil {
		return nil, s.err
	}
	return Parse(path, s.data)
}
