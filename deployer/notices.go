package deployer

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// notices tell when a file that a generation reports by is worth a look: when
// the kernel says that it was written to, and by the clock, all at once. With
// twenty services, a timer for each of their files took more than a percent of
// a core. The folders are the host's own, so the kernel sees what the guest
// writes there.
type notices struct {
	mu      sync.Mutex
	watcher *fsnotify.Watcher // nil: the kernel has no more of them to give
	ticks   *time.Ticker
	files   map[string]map[chan<- struct{}]bool
	folders map[string]int // how many files of each are waited for
}

const (
	// lookOften is the time between looks where the kernel tells nothing.
	lookOften = 200 * time.Millisecond
	// lookSeldom is the time between looks where it does: after an overflow it
	// is silent too, and nothing is written when a container is killed.
	lookSeldom = time.Second
)

func newNotices() *notices {
	ticks := time.NewTicker(lookSeldom)
	return &notices{ticks: ticks, files: map[string]map[chan<- struct{}]bool{}, folders: map[string]int{}}
}

// start takes notice until ctx ends.
func (n *notices) start(ctx context.Context) {
	if w, err := fsnotify.NewWatcher(); err == nil {
		n.mu.Lock()
		n.watcher = w
		n.mu.Unlock()
		context.AfterFunc(ctx, func() { w.Close() })
		go n.pass(w)
	} else {
		n.ticks.Reset(lookOften)
	}
	go n.tick(ctx)
}

func (n *notices) pass(w *fsnotify.Watcher) {
	for {
		select {
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			n.wake(e.Name)
		case _, ok := <-w.Errors: // an overflow: the next tick will do
			if !ok {
				return
			}
		}
	}
}

func (n *notices) tick(ctx context.Context) {
	defer n.ticks.Stop()
	for {
		select {
		case <-n.ticks.C:
			n.wakeAll()
		case <-ctx.Done():
			return
		}
	}
}

func (n *notices) wake(path string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for look := range n.files[path] {
		poke(look)
	}
}

func (n *notices) wakeAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, waiting := range n.files {
		for look := range waiting {
			poke(look)
		}
	}
}

// poke leaves a notice unless one waits there already.
func poke(look chan<- struct{}) {
	select {
	case look <- struct{}{}:
	default:
	}
}

// of gives a channel that receives when the file, which may not be there yet,
// is to be looked at. The caller ends it.
func (n *notices) of(path string) (look <-chan struct{}, end func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	folder := filepath.Dir(path)
	if n.watcher != nil && n.watcher.Add(folder) != nil {
		n.ticks.Reset(lookOften)
	}
	c := make(chan struct{}, 1)
	if n.files[path] == nil {
		n.files[path] = map[chan<- struct{}]bool{}
	}
	n.files[path][c] = true
	n.folders[folder]++
	return c, sync.OnceFunc(func() { n.forget(path, c) })
}

func (n *notices) forget(path string, c chan<- struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if delete(n.files[path], c); len(n.files[path]) == 0 {
		delete(n.files, path)
	}
	folder := filepath.Dir(path)
	if n.folders[folder]--; n.folders[folder] == 0 {
		delete(n.folders, folder)
		if n.watcher != nil {
			_ = n.watcher.Remove(folder) // gone already with the folder itself
		}
	}
}
