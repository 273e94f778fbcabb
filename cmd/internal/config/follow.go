package config

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// lookSeldom is the time between looks at the file where no hint comes: the
	// kernel may have no more of them to give, or see nothing of the file's
	// filesystem, or of what a link leads to.
	lookSeldom = 5 * time.Second
	// lookOften is the same where there are files of settings: they may lie on a
	// share, and are short.
	lookOften = 500 * time.Millisecond
	// still is how long the file must have been as it is. Editors write in
	// parts, or move the old file away before the new one comes.
	still = 250 * time.Millisecond
)

// Follow calls changed each time that a file of the source has become another one, with
// what Source.Parse gives then, until ctx ends. A file that is gone or cannot be used is
// reported once, until it changes again. Calls come from this one goroutine.
func Follow(ctx context.Context, known Source, changed func(context.Context, *Config, error)) {
	events, errs := make(chan fsnotify.Event), make(chan error)
	if w, err := fsnotify.NewWatcher(); err == nil {
		defer w.Close()
		// By its folder, since editors put another file in its place.
		if w.Add(filepath.Dir(known.Path)) == nil {
			events, errs = w.Events, w.Errors
		}
	}
	for ctx.Err() == nil {
		if now, err := settled(ctx, known); err == nil && !now.same(known) {
			known = now
			c, err := now.Parse()
			changed(ctx, c, err)
		}
		every := lookSeldom
		if len(known.named) > 0 {
			every = lookOften
		}
		wait(ctx, every, filepath.Base(known.Path), events, errs)
	}
}

// wait returns when something happens to the file of that name, and at times when
// nothing does.
func wait(ctx context.Context, every time.Duration, name string, events <-chan fsnotify.Event, errs <-chan error) {
	seldom := time.After(every)
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

// settled gives what the files are like when they are as they were, or still.
func settled(ctx context.Context, known Source) (Source, error) {
	now, err := look(ctx, known)
	for err == nil && !now.same(known) {
		select {
		case <-ctx.Done():
			return now, context.Cause(ctx)
		case <-time.After(still):
		}
		last := now
		if now, err = look(ctx, last); err == nil && now.same(last) {
			break
		}
	}
	return now, err
}
