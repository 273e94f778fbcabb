package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/history"
	"github.com/jarloop/jarloop/cmd/internal/notify"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// agent leads what the watcher sees to the deployer, what both say to the
// console, and answers the socket.
type agent struct {
	out      *console.Console
	watch    *watcher.Watcher
	deployer *deployer.Deployer
	book     *history.Book
	notify   *notify.Notifier
	sets     string // the folder of sets
	keepSets int    // of each service that have been live
	started  time.Time
	watching string
	// changing are the services whose files are awaited. Only seen uses it,
	// which is called by one goroutine.
	changing map[string]bool

	deciding sync.Mutex       // held while that is written down
	turns    map[string]*turn // by service: deploys that decide what it is pinned to

	mu       sync.Mutex
	asked    map[string][]chan control.Outcome // by service: who waits for a deploy that was asked for
	degraded map[string]string                 // by service, "" for all: why changes may be missed
	newest   map[string]string                 // by service: ID of the set that was seen last
	refused  map[string]string                 // by service: why what was seen after it is none
	bases    []string                          // containers that clones are made of
}

var _ control.Agent = (*agent)(nil)

// seen is told what the watcher sees, one event at a time.
func (a *agent) seen(ctx context.Context, e watcher.Event) {
	switch e.Kind {
	case watcher.Changed:
		a.out.Changed(e.Service, changes(e.Changes))
		if !a.changing[e.Service] {
			a.changing[e.Service] = true
			a.deployer.Changing(e.Service)
		}
	case watcher.Ready:
		defer a.settled(e.Service, nil) // when the deploy has begun
		waiting := a.claim(e.Service)
		a.noteNewest(e.Service, e.Set.ID)
		if n := a.withheld(e.Service, e.Set.ID); n.State != "" && len(waiting) == 0 {
			a.withhold(e.Service, n)
			if n.State == deployer.Pinned {
				a.uphold(e.Service)
			}
			return
		}
		if len(waiting) > 0 {
			a.deployAsked(ctx, e.Set, waiting)
		} else {
			a.deployer.Deploy(e.Set, false)
		}
	case watcher.Refused:
		a.settled(e.Service, errors.New("refused: "+e.Reason))
		a.noteRefused(e.Service, e.Reason)
		a.out.Refused(e.Service, e.Reason)
		a.notify.Tell(notify.Event{Event: notify.Refused, Time: time.Now(), Service: e.Service, Reason: e.Reason})
		for _, w := range a.claim(e.Service) {
			w <- control.Outcome{Service: e.Service, Error: "refused: " + e.Reason}
		}
	case watcher.Same:
		a.settled(e.Service, nil)
		a.noteRefused(e.Service, e.Reason)
		a.out.Same(e.Service, e.Reason)
	case watcher.Degraded:
		a.settled(e.Service, errors.New(e.Reason)) // it may last
		a.note(e.Service, e.Reason)
		a.out.Warn(e.Service, e.Reason)
	case watcher.Restored:
		a.note(e.Service, "")
		a.out.Say(strings.TrimSpace(e.Service + " is watched again"))
	}
}

// settled says that a change that was told of has come to its end.
func (a *agent) settled(service string, refused error) {
	if a.changing[service] {
		delete(a.changing, service)
		a.deployer.Settled(service, refused)
	}
}

// again has the newest artefacts of a service come once more.
func (a *agent) again(service string) {
	if err := a.watch.Resend(service); err != nil {
		a.out.Warn(service, err.Error())
	}
}

func outcomeOf(r deployer.Result) control.Outcome {
	o := control.Outcome{Service: r.Service, Generation: r.Generation, Set: r.Set, Took: r.Took}
	if r.Err != nil {
		o.Error = r.Err.Error()
	}
	return o
}

// claim gives those who wait for a deploy of the service, once.
func (a *agent) claim(service string) []chan control.Outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	waiting := a.asked[service]
	delete(a.asked, service)
	return waiting
}

func (a *agent) note(service, reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if reason == "" {
		delete(a.degraded, service)
	} else {
		a.degraded[service] = reason
	}
}

// clones says what clones are made of from now on: the containers of bases, by
// name.
func (a *agent) clones(bases map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bases = slices.Compact(slices.Sorted(maps.Values(bases)))
}

// forget drops what is known of a service that has gone from the configuration.
func (a *agent) forget(service string) {
	a.note(service, "")
	a.noteNewest(service, "")
	for _, w := range a.claim(service) {
		w <- control.Outcome{Service: service, Error: "it has gone from the configuration"}
	}
}

// tell is told what becomes of deploys.
func (a *agent) tell(e deployer.Event) {
	a.out.Event(e)
	a.notify.Tell(notify.Of(e))
	a.remember(e)
	if e.Kind == deployer.WentLive || e.Kind == deployer.Unchanged { // which may not be the newest
		a.withholdAgain(e.Service)
	}
}

// Status says how everything is doing.
func (a *agent) Status() control.Status {
	s := control.Status{
		Version: self.Version(), PID: os.Getpid(), Since: a.started,
		Watching: a.watching, Services: a.deployer.Status(),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var reasons []string
	for service, reason := range a.degraded {
		reasons = append(reasons, strings.TrimPrefix(service+": "+reason, ": "))
	}
	slices.Sort(reasons)
	s.Bases = a.bases
	s.Degraded = strings.Join(reasons, "; ")
	return s
}

// Deploy makes the services be looked at and deployed, and waits.
func (a *agent) Deploy(ctx context.Context, services []string) ([]control.Outcome, error) {
	if len(services) == 0 {
		services = a.deployer.Names()
	}
	for _, name := range services {
		if !slices.Contains(a.deployer.Names(), name) {
			return nil, a.unknown(name)
		}
	}
	var waits []chan control.Outcome
	for _, name := range services {
		wait := make(chan control.Outcome, 1)
		a.mu.Lock()
		a.asked[name] = append(a.asked[name], wait)
		a.mu.Unlock()
		waits = append(waits, wait)
	}
	if err := a.watch.Resend(services...); err != nil {
		return nil, control.InputError{Err: err}
	}
	var outcomes []control.Outcome
	for _, wait := range waits {
		select {
		case o := <-wait:
			outcomes = append(outcomes, o)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return outcomes, nil
}

// unknown says that the agent cares for no service called so: what the one who
// asks has read may not be the configuration that it runs with.
func (a *agent) unknown(service string) error {
	return mistake("the agent has no service %q; it has: %s", service, strings.Join(a.deployer.Names(), ", "))
}

// mistake is one of who asks the agent.
func mistake(format string, args ...any) error {
	return control.InputError{Err: fmt.Errorf(format, args...)}
}

// changes is what has changed, in few words.
func changes(list []watcher.Change) string {
	const most = 3
	var parts []string
	for _, c := range list[:min(most, len(list))] {
		parts = append(parts, fmt.Sprintf("%s (%s)", c.Name, console.Size(c.Size)))
	}
	if more := len(list) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}
