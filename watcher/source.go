package watcher

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// source is what a lane relies on to hear that something under its service's
// folder may have changed.
type source interface {
	// cover asks for hints about what is directly in this folder from now on.
	// It is called before every read of the folder: whether it is covered
	// already, was, or has been exchanged meanwhile makes no difference.
	cover(folder string) error
	// rest is how long a lane may go without looking.
	rest() time.Duration
}

// polling is the source without hints: one looks often, or at rest has the
// lookout do so.
type polling struct{ every time.Duration }

func (polling) cover(string) error    { return nil }
func (p polling) rest() time.Duration { return p.every }

// notifier is the source that inotify feeds, shared by all lanes. Its watches
// are not recursive, die without a word on unmount, and are dropped with a
// folder that moves; so lanes cover before they read, cover the folders above
// theirs, and look on a slow timer in any case.
type notifier struct {
	slow time.Duration
	hint func(path string) // "" means anything anywhere

	mu      sync.Mutex
	watch   *fsnotify.Watcher // nil until the first cover
	add     func(folder string) error
	closed  bool
	reading sync.WaitGroup
	limited map[string]bool // services that poll because of a limit
}

var errLimit = errors.New("limit of inotify reached")

func newNotifier(slow time.Duration, hint func(path string)) *notifier {
	return &notifier{slow: slow, hint: hint, limited: make(map[string]bool)}
}

func (n *notifier) rest() time.Duration { return n.slow }

// cover implements source. An error that is errLimit names the setting to
// raise; a folder that is gone is no error, for the scan will see it.
func (n *notifier) cover(folder string) error {
	add, err := n.adder()
	if err != nil {
		return limit(err)
	}
	err = add(folder)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return limit(err)
}

// adder gives the call that adds a watch, after starting inotify on first use:
// where every service polls, no inotify instance is spent.
func (n *notifier) adder() (func(string) error, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.add != nil {
		return n.add, nil
	}
	if n.closed {
		return nil, fsnotify.ErrClosed
	}
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	n.watch, n.add = watch, watch.Add
	n.reading.Go(func() { n.read(watch) })
	return n.add, nil
}

// read turns events into hints until the watcher is closed.
func (n *notifier) read(watch *fsnotify.Watcher) {
	for {
		select {
		case event, ok := <-watch.Events:
			if !ok {
				return
			}
			n.hint(event.Name)
		case err, ok := <-watch.Errors:
			if !ok {
				return
			}
			n.failed(err)
		}
	}
}

// failed handles an error of reading events. The queue's overflow
// (fsnotify.ErrEventOverflow) and anything else come to the same: what was
// lost is unknown, so everything is looked at.
func (n *notifier) failed(error) { n.hint("") }

// close ends the hints and waits for the goroutine that reads them.
func (n *notifier) close() error {
	n.mu.Lock()
	n.closed, n.add = true, nil
	watch := n.watch
	n.mu.Unlock()
	var err error
	if watch != nil {
		err = watch.Close()
	}
	n.reading.Wait()
	return err
}

// limit puts the kernel's words for a limit into words that help: inotify says
// "no space left on device" for watches, "too many open files" for instances.
func limit(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%w: all watches are used (%w): sudo sysctl -w fs.inotify.max_user_watches=524288", errLimit, err)
	case errors.Is(err, unix.EMFILE):
		return fmt.Errorf("%w: all instances or file descriptors are used (%w): sudo sysctl -w fs.inotify.max_user_instances=512", errLimit, err)
	}
	return err
}

// limits notes whether a service has to poll because of a limit, and says
// whether that is the first or was the last of them.
func (n *notifier) limits(service string, on bool) (turned bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := len(n.limited) > 0
	if on {
		n.limited[service] = true
	} else {
		delete(n.limited, service)
	}
	return before != (len(n.limited) > 0)
}

// concerns says whether what happened at path can matter to a service whose
// folder is dir: it is in it, it is it, or it is above it.
func concerns(path, dir string) bool {
	return path == "" || within(path, dir) || within(dir, path)
}

// within says whether path is dir or below it. Both are clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// above lists the folders from root down to the one that dir is in; only the
// latter where dir is not below root.
func above(root, dir string) []string {
	if !within(dir, root) || dir == root {
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
