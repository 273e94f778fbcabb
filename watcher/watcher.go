package watcher

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// grace is how long the end of Run waits for calls on the share that hang.
const grace = time.Second

// Watcher watches the folders of some services.
type Watcher struct {
	options Options
	events  chan Event
	changes chan change    // other services, for Run
	calls   sync.WaitGroup // on the share and the store, under way for Run
	notify  *notifier
	lookout *lookout
	started atomic.Bool

	mu    sync.Mutex
	lanes []*lane // never changed, but exchanged
}

// New checks what it is given, makes the store if there is none, and removes
// from it what a killed run left half done. So it is to be called only by the
// process that owns the store. It reads nothing of the share.
func New(o Options, services []Service) (*Watcher, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	w := &Watcher{options: o, events: make(chan Event), changes: make(chan change)}
	w.notify = newNotifier(o.Rescan, w.hint)
	w.lookout = newLookout(o.Poll, &w.calls)
	matchers, err := check(services)
	if err != nil {
		return nil, err
	}
	if err := openStore(o.Store); err != nil {
		return nil, err
	}
	for i, s := range services {
		w.lanes = append(w.lanes, w.lane(s, matchers[i], w.events, &w.calls, false))
	}
	return w, nil
}

// Check says what New and Reconfigure would say of the services.
func Check(services []Service) error {
	_, err := check(services)
	return err
}

// check gives what matches the files of each service.
func check(services []Service) ([]matcher, error) {
	var matchers []matcher
	names := make(map[string]bool)
	for _, s := range services {
		m, err := s.check()
		if err != nil {
			return nil, err
		}
		if names[s.Name] {
			return nil, fmt.Errorf("service %s: is there twice", s.Name)
		}
		names[s.Name] = true
		matchers = append(matchers, m)
	}
	return matchers, nil
}

// lane makes the lane of a service.
func (w *Watcher) lane(s Service, m matcher, events chan<- Event, calls *sync.WaitGroup, once bool) *lane {
	return &lane{
		service: s, options: w.options, how: how{match: m},
		place:   place{w.options.Root, filepath.Clean(s.Dir)},
		polling: polling{min(quick, w.options.Poll)}, notify: w.notify, lookout: w.lookout,
		events: events, calls: calls, once: once,
		wake:    make(chan struct{}, 1),
		settler: settler{runs: s.Runs, settle: w.options.Settle, patience: w.options.Patience},
	}
}

// hint wakes the lanes that what happened at path can matter to.
func (w *Watcher) hint(path string) {
	for _, l := range w.all() {
		if concerns(path, l.place.dir) {
			l.poke()
		}
	}
}

func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Run watches until ctx ends and calls emit for each event, from this one
// goroutine; while emit has not returned, no lane gets further than its next
// event. It returns nil, or an error that names the services of which a call
// on the share was still hanging: such a call cannot be ended, and its
// goroutine stays until the kernel lets go of it. Run can be called once.
func (w *Watcher) Run(ctx context.Context, emit func(context.Context, Event)) error {
	if w.started.Swap(true) {
		return errors.New("run watcher: it has been run before")
	}
	var running sync.WaitGroup
	for _, l := range w.all() {
		l.start(ctx, &running)
	}
	awaited := make(map[string]bool) // told as Changed, and no more by now
	for {
		select {
		case e := <-w.events:
			awaited[e.Service] = e.Kind == Changed || awaited[e.Service] && (e.Kind == Degraded || e.Kind == Restored)
			emit(ctx, e)
		case c := <-w.changes:
			for _, name := range w.exchange(ctx, &running, c) {
				if awaited[name] {
					awaited[name] = false
					emit(ctx, Event{Kind: Same, Service: name})
				}
			}
			close(c.done)
		case <-ctx.Done():
			running.Wait()
			w.calls.Go(func() { _ = w.notify.close() }) // can wait for a call that hangs
			return finish(&w.calls, w.all())
		}
	}
}

// finish waits a little for the calls under way.
func finish(calls *sync.WaitGroup, lanes []*lane) error {
	done := make(chan struct{})
	go func() { // ends with the calls that it waits for
		defer close(done)
		calls.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-time.After(grace):
	}
	var names []string
	for _, l := range lanes {
		if l.busy.Load() > 0 {
			names = append(names, l.service.Name)
		}
	}
	return fmt.Errorf("stop watching: the share does not answer for %s", strings.Join(names, ", "))
}

// Scan looks once, without watching, and gives for each service the Ready or
// Refused that its folder deserves now; files that are being written are
// waited for until they are still. When ctx ends it gives what it has, and an
// error. Where Run runs, Resend is the one to call.
func (w *Watcher) Scan(ctx context.Context) ([]Event, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan Event)
	var lanes []*lane
	var running, calls sync.WaitGroup
	watched := w.all()
	for _, of := range watched {
		l := w.lane(of.service, of.how.match, events, &calls, true)
		l.options.Mode, l.owed = Poll, true
		lanes = append(lanes, l)
		running.Go(func() { l.run(ctx) })
	}
	go func() { // ends with the lanes, which end with ctx
		defer close(events)
		running.Wait()
	}()
	verdicts := make(map[string]Event)
	for e := range events {
		if e.Kind == Ready || e.Kind == Refused {
			verdicts[e.Service] = e
		}
	}
	var all []Event
	for _, of := range watched {
		if e, ok := verdicts[of.service.Name]; ok {
			all = append(all, e)
		}
	}
	if err := ctx.Err(); err != nil {
		return all, fmt.Errorf("scan %d of %d services: %w", len(watched)-len(all), len(watched), err)
	}
	return all, finish(&calls, lanes)
}

// Resend makes the services be looked at now, all of them if none is named,
// and a Ready or Refused follow for each even if nothing has changed.
func (w *Watcher) Resend(services ...string) error {
	w.mu.Lock() // else one of them might be exchanged before it knows
	defer w.mu.Unlock()
	lanes := w.lanes
	if len(services) > 0 {
		lanes = nil
		for _, name := range services {
			l, err := find(w.lanes, name)
			if err != nil {
				return err
			}
			lanes = append(lanes, l)
		}
	}
	for _, l := range lanes {
		l.asked.Store(true)
		l.poke()
	}
	return nil
}

func find(lanes []*lane, service string) (*lane, error) {
	for _, l := range lanes {
		if l.service.Name == service {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no service is named %q", service)
}

// Prune removes the sets of a service but those whose ID is in keep and the
// one that was told last or is about to be.
func (w *Watcher) Prune(service string, keep map[string]bool) error {
	l, err := find(w.all(), service)
	if err != nil {
		return err
	}
	return l.prune(keep)
}
