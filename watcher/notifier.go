package watcher

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// notifier is the source that inotify feeds. Its watches are not recursive, die
// without a word on unmount, and are dropped with a folder that moves; so what
// looks at a folder covers it before it reads, covers the folders above, and
// looks on a slow timer in any case.
//
// All of it belongs to the loop, but read.
type notifier struct {
	moved chan<- string // the path that may have moved; "" means any
	end   chan struct{} // closed by close
	watch *fsnotify.Watcher
	// add has a folder watched; nil before the first start. It is for what
	// looks at folders, apart from the loop, and can hang as that can.
	add     func(folder string) error
	failed  bool // add gives the error of starting
	reading sync.WaitGroup
}

var errLimit = errors.New("limit of inotify reached")

func newNotifier(moved chan<- string) *notifier {
	return &notifier{moved: moved, end: make(chan struct{})}
}

// start starts inotify, if it is not. Where that fails, add gives the error until
// the next start.
func (n *notifier) start() {
	if n.add != nil && !n.failed {
		return
	}
	watch, err := fsnotify.NewWatcher()
	if n.failed = err != nil; n.failed {
		n.add = func(string) error { return err }
		return
	}
	n.watch, n.add = watch, watch.Add
	n.reading.Go(func() { n.read(watch) })
}

// read says what may have moved until the watcher is closed. Errors of reading
// (the queue's overflow is fsnotify.ErrEventOverflow) all come to the same: what
// was lost is unknown.
func (n *notifier) read(watch *fsnotify.Watcher) {
	for {
		path := ""
		select {
		case event, ok := <-watch.Events:
			if !ok {
				return
			}
			path = event.Name
		case _, ok := <-watch.Errors:
			if !ok {
				return
			}
		case <-n.end:
			return
		}
		select {
		case n.moved <- path:
		case <-n.end:
			return
		}
	}
}

// close waits for the goroutine that reads, and can hang as a call of add can.
func (n *notifier) close() {
	close(n.end)
	if n.watch != nil {
		_ = n.watch.Close() // the process is about to end it anyway
	}
	n.reading.Wait()
}

// cover asks for what moves directly in this folder from now on. It is called
// before every read of the folder: whether that is covered already, was, or has
// been replaced meanwhile makes no difference. An error that is errLimit names
// the setting to raise; a folder that is gone is no error, for the scan will see
// it.
func cover(add func(string) error, folder string) error {
	err := add(folder)
	switch {
	// The kernel's own words are "no space left on device" for watches and "too
	// many open files" for instances.
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%w: all watches are used (%w): sudo sysctl -w fs.inotify.max_user_watches=524288", errLimit, err)
	case errors.Is(err, unix.EMFILE):
		return fmt.Errorf("%w: all instances or file descriptors are used (%w): sudo sysctl -w fs.inotify.max_user_instances=512", errLimit, err)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return nil
	}
	return err
}

// concerns says whether what happened at path can matter to a service whose
// folder is dir: it is in it, it is it, or it is above it.
func concerns(path, dir string) bool {
	return path == "" || isBelow(path, dir) || isBelow(dir, path)
}

// isBelow says whether path is dir or below it. Both are clean.
func isBelow(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// above lists the folders from root down to the one that dir is in; only the
// latter where dir is not below root.
func above(root, dir string) []string {
	if !isBelow(dir, root) || dir == root {
		return []string{filepath.Dir(dir)}
	}
	var all []string
	for d := filepath.Dir(dir); ; d = filepath.Dir(d) {
		all = append(all, d)
		if d == root {
			return all
		}
	}
}
