package deployer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"sync"
)

// wiring is what leads to what: which generation of each service is live, and
// the running generations whose hosts files must say so. Its lock is what
// makes a switch one act: lanes switch one after the other.
type wiring struct {
	machine  Machine
	network  Network
	services map[string]Service

	// alive is nil while a generation's service runs.
	alive func(*Generation) error

	mu      sync.Mutex             // held through a switch, which may take as long as switchTime
	fixed   map[string]netip.Addr  // by service: its own address, if it has one
	live    map[string]*Generation // by service
	running map[*Generation]Service
	astray  map[string]bool // by service: what leads there could not be put right, when that was tried last

	// view guards what is shown to those who only look: what was live when
	// nothing was being moved. They wait for no switch.
	view    sync.RWMutex
	shown   map[string]*Generation
	changed chan struct{} // closed and made anew when shown has changed
}

func newWiring(m Machine, n Network, services map[string]Service, alive func(*Generation) error) *wiring {
	return &wiring{
		machine: m, network: n, services: services, alive: alive,
		fixed: map[string]netip.Addr{}, live: map[string]*Generation{}, running: map[*Generation]Service{},
		shown: map[string]*Generation{}, changed: make(chan struct{}),
	}
}

// join adds a running generation, whose names are true from then on.
func (w *wiring) join(s Service, g *Generation) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.network.SetNames(g.root, w.names(s)); err != nil {
		return err
	}
	w.running[g] = s
	return nil
}

// enter makes p the phase of g. It is read where names are moved, under the
// same lock.
func (w *wiring) enter(g *Generation, p Phase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g.Phase = p
	if p == Candidate {
		g.stale = false // its service has not read a name yet
	}
}

// leave takes a generation out, so that its root can be closed.
func (w *wiring) leave(g *Generation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, g)
}

// fix gives a service an address of its own.
func (w *wiring) fix(service string, addr netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fixed[service] = addr
}

// unfix takes that address back, and says whether there was one.
func (w *wiring) unfix(service string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, found := w.fixed[service]
	delete(w.fixed, service)
	return found
}

// fixedOf gives the service's own address; invalid if it has none.
func (w *wiring) fixedOf(service string) netip.Addr {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fixed[service]
}

// show shows what is live now. The lock is held.
func (w *wiring) show() {
	w.view.Lock()
	defer w.view.Unlock()
	w.shown = maps.Clone(w.live)
	close(w.changed)
	w.changed = make(chan struct{})
}

// adopt adds a generation that was found, with its names and ports as they are:
// whatever is not true of them, repair mends. One that does not run has no names.
func (w *wiring) adopt(s Service, g *Generation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.root != nil {
		w.running[g] = s
	}
	if g.Phase == Live {
		w.live[s.Name] = g
		w.show()
	}
}

// current gives the live generation of a service, or nil.
func (w *wiring) current(service string) *Generation {
	w.view.RLock()
	defer w.view.RUnlock()
	return w.shown[service]
}

// await waits until every service that s needs has a live generation: a name
// that does not resolve yet is remembered as such by some (a JVM), and fatal
// to others (nginx).
//
// It calls waiting once if it has to wait.
func (w *wiring) await(ctx context.Context, s Service, waiting func(missing []string)) error {
	for {
		w.view.RLock()
		missing, changed := w.missing(s), w.changed
		w.view.RUnlock()
		if len(missing) == 0 {
			return nil
		}
		if waiting != nil {
			waiting(missing)
			waiting = nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lacks gives the services that s needs and that are not live.
func (w *wiring) lacks(s Service) []string {
	w.view.RLock()
	defer w.view.RUnlock()
	return w.missing(s)
}

// moved says that the generation's container has been started anew.
func (w *wiring) moved(s Service, g *Generation, init int, root Root) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.root != nil {
		_ = g.root.Close() // of a container that has ended
	}
	g.init.Store(int64(init))
	g.root = root
	w.running[g] = s
	_, err := w.network.SetNames(root, w.names(s))
	return err
}

// root calls do with the root of a running generation.
func (w *wiring) root(g *Generation, do func(Root) error) error {
	w.mu.Lock()
	root := g.root
	w.mu.Unlock()
	if root == nil {
		return fs.ErrClosed
	}
	return do(root)
}

func (w *wiring) missing(s Service) []string {
	return slices.DeleteFunc(slices.Clone(s.Needs), func(name string) bool { return w.shown[name] != nil })
}

// set makes each generation, or nothing where it is nil, what the name and the
// ports of its service lead to. If a part fails, all parts go back before it
// returns.
func (w *wiring) set(ctx context.Context, moves map[string]*Generation) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := map[string]*Generation{}
	for service, g := range moves {
		if w.live[service] != g {
			before[service] = w.live[service]
		}
	}
	if len(before) == 0 {
		return nil
	}
	err := w.move(ctx, moves)
	if err == nil {
		w.show()
		return nil
	}
	w.point(before)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	// One part that cannot go back holds up no other.
	if _, back := w.mend(ctx); back != nil {
		err = errors.Join(err, fmt.Errorf("go back: %w", back))
	}
	return err
}

// point makes generations, or nothing where they are nil, what is live. Nothing
// leads there yet.
func (w *wiring) point(moves map[string]*Generation) {
	for service, g := range moves {
		if g == nil {
			delete(w.live, service)
		} else {
			w.live[service] = g
		}
	}
}

// move points names and ports of services to generations. It ends with the
// first part that fails.
func (w *wiring) move(ctx context.Context, moves map[string]*Generation) error {
	w.point(moves)
	for dependent, s := range w.running {
		if !slices.ContainsFunc(s.Needs, func(need string) bool { _, moved := moves[need]; return moved }) {
			continue
		}
		changed, err := w.network.SetNames(dependent.root, w.names(s))
		if err != nil {
			return fmt.Errorf("names of %s: %w", dependent.Name(), err)
		}
		dependent.stale = dependent.stale || changed
		// A candidate is told when it is promoted: until then its service may
		// not have come so far that it could be.
		if dependent.Phase == Live || dependent.Phase == Draining || moves[s.Name] == dependent {
			if err := w.rewire(ctx, dependent, s); err != nil {
				return err
			}
		}
	}
	for service, g := range moves {
		if g != nil { // what it started with may have moved while it was proven
			if err := w.rewire(ctx, g, w.services[service]); err != nil {
				return err
			}
		}
	}
	return w.network.SetPorts(ctx, w.targets(), w.fixed)
}

// rewire tells a generation that caches names that they have changed.
func (w *wiring) rewire(ctx context.Context, g *Generation, s Service) error {
	if !g.stale || s.ReloadCommand == "" {
		return nil
	}
	_, err := w.machine.Run(ctx, g.Name(), []string{"/bin/sh", "-c", s.ReloadCommand})
	// One whose service has ended reads its names when it starts again; it is
	// no reason to hold up those it needs.
	if err != nil && w.alive(g) == nil {
		return fmt.Errorf("reload_command of %s: %w", g.Name(), err)
	}
	g.stale = false
	return nil
}

// names are the host names that a generation of s has to know.
func (w *wiring) names(s Service) map[string]netip.Addr {
	names := map[string]netip.Addr{}
	for _, need := range s.Needs {
		if fixed, found := w.fixed[need]; found {
			names[need] = fixed
		} else if g := w.live[need]; g != nil {
			names[need] = g.Address
		}
	}
	return names
}

func (w *wiring) targets() map[string]netip.AddrPort {
	targets := map[string]netip.AddrPort{}
	for service, g := range w.live {
		targets[service] = g.target()
	}
	return targets
}
