package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// folder is a service's folder and how to look at it. It is a value: whatever
// reads the folder does so apart from the loop, and gets a copy.
type folder struct {
	service Service
	match   matcher
	place   place
	mode    Mode
	store   string
}

// before is what a look needs of what is known: the filesystem of the look
// before, and what covers folders by inotify.
type before struct {
	fs    filesystem
	add   func(folder string) error
	spare bool // not to try inotify, because it was limited a short while ago
}

// view is what one look at the folder gave.
type view struct {
	snapshot
	fs      filesystem
	polls   bool  // inotify does not see what changes here
	limited error // why not, although it should
	spare   bool  // inotify was not tried, because it was limited a short while ago
}

// look opens and scans the folder. It can hang.
func (f folder) look(ctx context.Context, was before, beat func()) (view, error) {
	v := view{polls: true, spare: was.spare}
	fd, err := f.open(was, &v)
	if err != nil {
		return view{}, err
	}
	defer unix.Close(fd)
	h := how{match: f.match, fresh: v.fs.mode == Poll, beat: beat}
	h.enter = func(folder string) { v.cover(was, filepath.Join(f.place.dir, folder)) }
	if v.snapshot, err = scan(ctx, fd, h); err != nil {
		return view{}, fmt.Errorf("read %s: %w", f.place.dir, err)
	}
	return v, nil
}

// open opens the folder and finds out whether the filesystem that it is on has
// to be polled. Where inotify will do, the folders above are covered before the
// folder is opened for good, so that its coming or being replaced is noticed.
func (f folder) open(was before, v *view) (int, error) {
	fd, err := f.place.open()
	missing := errors.Is(err, fs.ErrNotExist)
	if missing { // the shared folder decides
		fd, err = openPath(f.place.root)
	}
	if err != nil {
		return -1, err
	}
	v.fs, err = filesystemOf(fd, was.fs)
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("read %s: %w", f.place.dir, err)
	}
	events := (f.mode == Inotify || f.mode == Auto && v.fs.mode == Inotify) && !was.spare
	if !events && !missing {
		return fd, nil
	}
	unix.Close(fd)
	if events {
		v.polls = false
		for _, folder := range above(f.place.root, f.place.dir) {
			v.cover(was, folder)
		}
	}
	return f.place.open()
}

// cover asks for events, and turns to polling where there can be none.
func (v *view) cover(was before, folder string) {
	if v.polls {
		return
	}
	if err := cover(was.add, folder); errors.Is(err, errLimit) {
		v.limited, v.polls = err, true
	}
}
