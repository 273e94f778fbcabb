package lxc

import (
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// notices tell when a file that an instance reports by is worth a look: when
// the kernel says that it was written to, and by the clock, all at once. With
// twenty services, a timer for each of their files took more than a percent of
// a core. The folders are the host's own, so the kernel sees what the guest
// writes there. One goroutine owns what is waited for.
type notices struct {
	watcher *fsnotify.Watcher // nil: the kernel has no more of them to give
	asked   chan interest
	seldom  time.Duration
	quit    chan struct{}
	done    chan struct{}
}

// interest is somebody's in a file, or the end of it.
type interest struct {
	path string
	look chan struct{}
	over bool
}

const (
	// lookOften is the time between looks where the kernel tells nothing.
	lookOften = 200 * time.Millisecond
	// lookSeldom is the time between looks where it does: after an overflow it
	// is silent too.
	lookSeldom = time.Second
)

// newNotices begins to take notice, and by the clock as seldom as is said. The
// caller closes it.
func newNotices(seldom time.Duration) *notices {
	n := &notices{asked: make(chan interest), seldom: seldom, quit: make(chan struct{}), done: make(chan struct{})}
	n.watcher, _ = fsnotify.NewWatcher() // without, the clock will do
	go n.run()
	return n
}

// close ends it and waits for that. Nothing is told any more.
func (n *notices) close() {
	close(n.quit)
	<-n.done
}

// of gives a channel that receives when the file, which may not be there yet,
// is to be looked at. The caller ends it.
func (n *notices) of(path string) (look <-chan struct{}, end func()) {
	i := interest{path: path, look: make(chan struct{}, 1)}
	n.ask(i)
	return i.look, sync.OnceFunc(func() {
		i.over = true
		n.ask(i)
	})
}

func (n *notices) ask(i interest) {
	select {
	case n.asked <- i:
	case <-n.done:
	}
}

// wanted is what is waited for.
type wanted struct {
	files   map[string]map[chan struct{}]bool
	folders map[string]int // how many files of each
}

func (n *notices) run() {
	defer close(n.done)
	w := wanted{map[string]map[chan struct{}]bool{}, map[string]int{}}
	ticks := time.NewTicker(n.seldom)
	defer ticks.Stop()
	var events chan fsnotify.Event
	var overflows chan error
	if n.watcher != nil {
		defer n.watcher.Close()
		events, overflows = n.watcher.Events, n.watcher.Errors
	}
	for {
		select {
		case i := <-n.asked:
			if !n.take(w, i) {
				ticks.Reset(lookOften)
			}
		case e := <-events:
			poke(w.files[e.Name])
		case <-overflows: //nolint:errcheck // what it says is that events are missing: the next tick will do
		case <-ticks.C:
			for _, looks := range w.files {
				poke(looks)
			}
		case <-n.quit:
			return
		}
	}
}

// take notes somebody's interest, and says whether the kernel will tell of it.
func (n *notices) take(w wanted, i interest) bool {
	folder := filepath.Dir(i.path)
	if !i.over {
		if w.files[i.path] == nil {
			w.files[i.path] = map[chan struct{}]bool{}
		}
		w.files[i.path][i.look] = true
		w.folders[folder]++
		return n.watcher != nil && n.watcher.Add(folder) == nil
	}
	if delete(w.files[i.path], i.look); len(w.files[i.path]) == 0 {
		delete(w.files, i.path)
	}
	if w.folders[folder]--; w.folders[folder] == 0 {
		delete(w.folders, folder)
		if n.watcher != nil {
			_ = n.watcher.Remove(folder) // gone already with the folder itself
		}
	}
	return true
}

// poke leaves each a notice unless one waits there already.
func poke(looks map[chan struct{}]bool) {
	for look := range looks {
		select {
		case look <- struct{}{}:
		default:
		}
	}
}
