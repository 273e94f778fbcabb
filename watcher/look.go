package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// view is what one look at the folder gave.
type view struct {
	snapshot
	fs      filesystem
	source  source
	limited error // why the source is not inotify although it should be
	spared  bool  // inotify was not tried, because it was limited a short while ago
}

// errGivenUp says that a call was not waited for any longer.
var errGivenUp = errors.New("given up")

// look opens and scans the folder.
func (l *lane) look(ctx context.Context) (view, error) {
	var seen view
	var err error
	known, spared := l.fs, time.Now().Before(l.inotify)
	if !l.aside(ctx, func(beat func()) { seen, err = l.scan(ctx, known, spared, beat) }) || ctx.Err() != nil {
		return view{}, errGivenUp
	}
	return seen, err
}

// scan is the part of look that can hang; it changes nothing of the lane.
func (l *lane) scan(ctx context.Context, known filesystem, spared bool, beat func()) (view, error) {
	v := view{source: l.polling, spared: spared}
	fd, err := l.open(known, &v)
	if err != nil {
		return view{}, err
	}
	defer unix.Close(fd)
	h := l.how
	h.beat, h.fresh = beat, v.fs.mode == Poll
	h.enter = func(folder string) { v.cover(filepath.Join(l.place.dir, folder), l.polling) }
	if v.snapshot, err = scan(ctx, fd, h); err != nil {
		return view{}, fmt.Errorf("read %s: %w", l.place.dir, err)
	}
	return v, nil
}

// open opens the folder and picks the source for the filesystem that it is on.
// Where that is inotify, the folders above are covered before the folder is
// opened for good, so that its coming or being exchanged is heard of.
func (l *lane) open(known filesystem, v *view) (int, error) {
	fd, err := l.place.open()
	missing := errors.Is(err, fs.ErrNotExist)
	if missing { // the shared folder decides
		fd, err = openPath(l.place.root)
	}
	if err != nil {
		return -1, err
	}
	v.fs, err = filesystemOf(fd, known)
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("read %s: %w", l.place.dir, err)
	}
	hints := l.options.Mode == Inotify || l.options.Mode == Auto && v.fs.mode == Inotify
	if hints && !v.spared {
		v.source = l.notify
		for _, folder := range above(l.place.root, l.place.dir) {
			v.cover(folder, l.polling)
		}
	} else if !missing {
		return fd, nil
	}
	unix.Close(fd)
	return l.place.open()
}

// cover asks for hints, and turns to polling where there can be none.
func (v *view) cover(folder string, polling source) {
	if err := v.source.cover(folder); errors.Is(err, errLimit) {
		v.limited, v.source = err, polling
	}
}

// placed takes note of the filesystem that the folder is on now, and tells
// when a limit of inotify turns hints off or on.
func (l *lane) placed(ctx context.Context, seen view, now time.Time) {
	l.fs = seen.fs
	switch {
	case seen.limited != nil:
		l.inotify = now.Add(l.options.Rescan)
		if l.notify.limits(l.service.Name, true) {
			l.send(ctx, Event{Kind: Degraded, Reason: seen.limited.Error() + "; polling until then"})
		}
	case !seen.spared:
		if l.notify.limits(l.service.Name, false) {
			l.send(ctx, Event{Kind: Restored})
		}
	}
}
