package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/history"
	"github.com/jarloop/jarloop/cmd/internal/notify"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// barren is a machine without containers, on which none can be made.
type barren struct {
	deployer.Machine
	deployer.Network
	dir string

	lacks error // why none can be made

	mu   sync.Mutex
	wait chan struct{} // a deploy waits until it is closed
}

func (b *barren) States(context.Context) (map[string]int, error) { return map[string]int{}, nil }
func (b *barren) Folder(name string) string                      { return filepath.Join(b.dir, name) }
func (b *barren) Release(string)                                 {}

func (b *barren) RepairPorts(context.Context, map[string]netip.AddrPort, map[string]netip.Addr) (bool, error) {
	return false, nil
}

func (b *barren) Lease(ctx context.Context, _ string) (netip.Prefix, error) {
	b.mu.Lock()
	wait := b.wait
	b.mu.Unlock()
	select {
	case <-wait:
		return netip.Prefix{}, b.lacks
	case <-ctx.Done():
		return netip.Prefix{}, context.Cause(ctx)
	}
}

// deciding is an agent on such a machine, with one service, of which the files
// in a shared folder are watched.
type deciding struct {
	*agent
	t      *testing.T
	barren *barren
	share  string
	tried  chan string // the sets of deploys that have begun
}

func newDeciding(t *testing.T) *deciding {
	closed := make(chan struct{})
	close(closed)
	a := &deciding{t: t, barren: &barren{dir: t.TempDir(), wait: closed, lacks: errors.New("none can be made here")}, share: t.TempDir()}
	book, err := history.Open(filepath.Join(t.TempDir(), "history"))
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	if err := os.Mkdir(filepath.Join(a.share, "page"), 0o755); err != nil {
		t.Fatal(err)
	}
	a.agent = &agent{
		out: console.New(null, []string{"page"}), book: book, sets: filepath.Join(t.TempDir(), "sets"), keepSets: 5,
		notify: notify.New(notify.Options{}, func(string) {}), changing: map[string]bool{},
	}
	return a
}

// started starts the agent, as often as one likes.
func (a *deciding) started() (stop func()) {
	a.t.Helper()
	watch, err := watcher.New(watcher.Options{Root: a.share, Store: a.sets, Settle: time.Millisecond},
		[]watcher.Service{{Name: "page", Dir: filepath.Join(a.share, "page")}})
	if err != nil {
		a.t.Fatal(err)
	}
	a.watch, a.tried = watch, make(chan string, 100)
	a.turns, a.refused = map[string]*turn{}, map[string]string{}
	a.asked, a.degraded, a.newest = map[string][]chan control.Outcome{}, map[string]string{}, map[string]string{}
	tried := a.tried
	a.deployer = deployer.New(deployer.Options{
		Services: []deployer.Service{{Name: "page", Base: "base", Target: "/page", Port: 8080}},
		Logs:     filepath.Join(a.barren.dir, "logs"), Machine: a.barren, Network: a.barren,
		Tell: func(e deployer.Event) {
			a.tell(e)
			if e.Kind == deployer.Deploying {
				tried <- e.Set
			}
		},
	})
	ctx, cancel := context.WithCancel(a.t.Context())
	var running sync.WaitGroup
	ready := make(chan struct{})
	running.Go(func() { _ = a.deployer.Run(ctx, func() { close(ready) }) })
	<-ready
	running.Go(func() { _ = a.watch.Run(ctx, a.seen) })
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	a.t.Cleanup(stop)
	return stop
}

// saved writes the service's file, and gives the ID of the set that it makes.
func (a *deciding) saved(text string) string {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.share, "page", "index.html"), []byte(text), 0o644); err != nil {
		a.t.Fatal(err)
	}
	return a.next()
}

// next gives the set of the next deploy.
func (a *deciding) next() string {
	a.t.Helper()
	select {
	case set := <-a.tried:
		return set
	case <-time.After(20 * time.Second):
		a.t.Fatal("nothing is deployed")
	}
	return ""
}

// pinned gives what the service is pinned to.
func (a *deciding) pinned() string {
	if p := a.page("page"); p.Pin != nil {
		return p.Pin.Set
	}
	return ""
}

func (a *deciding) eventuallyPinned(want string) {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); a.pinned() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("pinned to %q, want %q", a.pinned(), want)
		}
	}
}

// blocked has deploys wait from now on.
func (a *deciding) blocked() {
	a.barren.mu.Lock()
	defer a.barren.mu.Unlock()
	a.barren.wait = make(chan struct{})
}

// rollback has a set be gone back to, which waits, and gives what comes of it.
func (a *deciding) rollback(set string) <-chan control.Outcome {
	a.t.Helper()
	select {
	case <-a.barren.wait:
		a.blocked()
	default: // they wait already
	}
	done := make(chan control.Outcome, 1)
	go func() {
		o, err := a.Rollback(a.t.Context(), control.RollbackRequest{Service: "page", Set: set})
		if err != nil {
			o.Error = err.Error()
		}
		done <- o
	}()
	if got := a.next(); got != set {
		a.t.Errorf("deployed is %.8s, not %.8s", got, set)
	}
	return done
}

// remembers has the history be in another folder from now on.
func (a *deciding) remembers(folder string) {
	a.t.Helper()
	book, err := history.Open(folder)
	if err != nil {
		a.t.Fatal(err)
	}
	a.book = book
}

// failed waits until it is written down that a set has failed.
func (a *deciding) failed(set string) {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		for _, e := range a.page("page").Entries {
			if e.Set == set && e.Outcome == history.Failed {
				return
			}
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("%.8s has not failed", set)
		}
	}
}

// live writes down that a set has been live, as if it could be here.
func (a *deciding) live(set string) {
	a.remember(deployer.Event{Kind: deployer.WentLive, Service: "page", Set: set})
}
