package deployer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/watcher"
)

// world is a machine in memory, on which agents come and go.
type world struct {
	mu        sync.Mutex
	instances map[string]*instance
	output    map[string]*output // what each has printed; it outlives the instance
	data      map[string]*data   // by service; it outlives the instances
	shared    map[string]shared  // by name: files that instances share
	held      map[string]*held   // by service: relays that run
	ports     deployer.Routes    // but for the names, which are in the instances
	last      netip.Addr         // that was leased
	space     []deployer.Space
	changed   chan struct{} // closed when anything has changed
	relays    uint16        // that there have been
	log       []string      // what was done to services
	harm      []string      // what was done to a service that ports led to

	pages  map[string]history.Page
	sets   map[string]watcher.Set // by service/ID: that are kept
	newest map[string]watcher.Set // by service: on disk
}

func newWorld() *world {
	return &world{
		instances: map[string]*instance{}, output: map[string]*output{}, data: map[string]*data{}, shared: map[string]shared{}, held: map[string]*held{}, changed: make(chan struct{}),
		last:  netip.MustParseAddr("10.0.3.9"),
		space: []deployer.Space{{Where: "/", Bytes: 1 << 40, Files: 1 << 20}},
		pages: map[string]history.Page{}, sets: map[string]watcher.Set{}, newest: map[string]watcher.Set{},
	}
}

// wake tells who waits that something has changed. The lock is held.
func (w *world) wake() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits until so is true, which is asked with the lock held.
func (w *world) until(ctx context.Context, so func() bool) error {
	for {
		w.mu.Lock()
		changed, is := w.changed, so()
		w.mu.Unlock()
		if is {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// with does something to the machine, as people do.
func (w *world) with(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	w.wake()
}

func (w *world) noteAct(what, name string) { w.log = append(w.log, what+" "+name) }

// acted gives what was done to services so far.
func (w *world) acted() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

// String shows all that matters of the machine.
func (w *world) String() string { return w.without("") }

// without is String without an instance.
func (w *world) without(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(w.instances)) {
		if n != name {
			fmt.Fprintf(&b, "%s: %s\n", n, w.instances[n])
		}
	}
	for _, service := range slices.Sorted(maps.Keys(w.ports.Targets)) {
		fmt.Fprintf(&b, "port %s -> %s\n", service, w.ports.Targets[service])
	}
	for _, service := range slices.Sorted(maps.Keys(w.ports.VIPs)) {
		fmt.Fprintf(&b, "vip %s: %s\n", service, w.ports.VIPs[service])
	}
	return b.String()
}

// door is the machine as one agent sees it, which may fail or be killed. What it
// knows in memory goes with it.
type door struct {
	*world
	leases map[string]netip.Addr
	known  map[string]map[string]netip.Addr // names that instances were given
	dhcp   bool                             // the pool has none

	acts    []string // that were tried
	dieAt   int      // which act is the first that is not done any more; 0: none
	failAt  map[int]bool
	half    bool             // what fails has had its effect
	failing map[string]error // by the act's name
	after   string           // the act that fails when it has had its effect, once
	slow    map[string]time.Duration
}

var (
	errInjected = errors.New("injected")
	errDead     = errors.New("the agent is dead")
)

func (w *world) door() *door {
	return &door{
		world: w, leases: map[string]netip.Addr{}, known: map[string]map[string]netip.Addr{},
		failAt: map[int]bool{}, failing: map[string]error{},
	}
}

// do is one act: it happens, it fails, or the agent is killed before it.
func (d *door) do(ctx context.Context, name string, effect func() error) error {
	d.lag(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acts = append(d.acts, name)
	n := len(d.acts)
	fails := d.failAt[n]
	switch {
	case d.dead():
		return errDead
	case d.failing[name] != nil:
		return d.failing[name]
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case fails && !d.half:
		return errInjected
	}
	err := effect()
	d.wake()
	if d.after == name {
		d.after, fails = "", true
	}
	if fails {
		return errInjected
	}
	return err
}

// lag takes the time that something takes.
func (d *door) lag(what string) {
	d.mu.Lock()
	takes := d.slow[what]
	d.mu.Unlock()
	if takes > 0 {
		time.Sleep(takes) // of the bubble
	}
}

// dead says whether the agent was killed. The lock is held.
func (d *door) dead() bool { return d.dieAt > 0 && len(d.acts) >= d.dieAt }

// isDead is dead for who does not hold the lock.
func (d *door) isDead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead()
}

// dies lets the agent do so many acts more but one.
func (d *door) dies(at int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dieAt = len(d.acts) + at
}

// fails lets acts fail from now on, counted from 1.
func (d *door) fails(half bool, at ...int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.half = half
	for _, n := range at {
		d.failAt[len(d.acts)+n] = true
	}
}

// failWith lets the acts of a name fail; nil ends that.
func (d *door) failWith(name string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing[name] = err
}

// failAfter lets the next act of a name fail when it has had its effect.
func (d *door) failAfter(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.after = name
}

// heals ends all that was to fail.
func (d *door) heals() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.failing)
	clear(d.failAt)
}

// done gives the names of the acts so far.
func (d *door) done() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.acts)
}

// count says how often an act of that name was tried.
func (d *door) count(name string) (n int) {
	for _, act := range d.done() {
		if act == name {
			n++
		}
	}
	return n
}
