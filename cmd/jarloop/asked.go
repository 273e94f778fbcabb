package main

import (
	"context"
	"errors"
	"io/fs"
	"reflect"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/history"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// turn is that a person has a service deployed, and by that decides what it is
// pinned to.
type turn struct {
	underway int // deploys, each in the place of the one before
	// before is the pin that stands again when the last of them fails.
	before *history.Pin
}

// decide writes down what a service is pinned to when a deploy has gone well that
// is about to begin: an agent that ends in between must not undo it. It has to
// be followed by decided.
func (a *agent) decide(service string, pin *history.Pin) error {
	a.deciding.Lock()
	defer a.deciding.Unlock()
	var before *history.Pin
	if err := a.write(service, func(p *history.Page) { before, p.Pin = p.Pin, pin }); err != nil {
		return err
	}
	t := a.turns[service]
	if t == nil {
		t = &turn{before: before}
		a.turns[service] = t
	}
	t.underway++
	return nil
}

// decided settles what has come of it. What has failed is as if it had not been;
// what was cut off, or is tried again, stays to be done.
func (a *agent) decided(r deployer.Result, pin *history.Pin) {
	a.deciding.Lock()
	defer a.deciding.Unlock()
	t := a.turns[r.Service]
	if r.Err == nil {
		t.before = pin
	}
	if t.underway--; t.underway > 0 {
		return // that decides
	}
	delete(a.turns, r.Service)
	if r.Err == nil || r.Open() {
		return
	}
	a.amend(r.Service, func(p *history.Page) {
		if reflect.DeepEqual(p.Pin, pin) { // no new bytes have come meanwhile
			p.Pin = t.before
		}
	})
}

// turning says whether a deploy is under way that decides what the service is
// pinned to.
func (a *agent) turning(service string) bool {
	a.deciding.Lock()
	defer a.deciding.Unlock()
	return a.turns[service] != nil
}

// Rollback deploys an earlier set, which then stays until new bytes come.
func (a *agent) Rollback(ctx context.Context, r control.RollbackRequest) (control.Outcome, error) {
	live, err := a.liveSet(r.Service)
	if err != nil {
		return control.Outcome{}, err
	}
	id, err := earlier(a.page(r.Service), live, r)
	if err != nil {
		return control.Outcome{}, err
	}
	set, err := watcher.Load(a.sets, r.Service, id)
	if errors.Is(err, fs.ErrNotExist) {
		return control.Outcome{}, mistake("set %s of %s is not kept any more: jarloop history %s shows which are", console.Short(id), r.Service, r.Service)
	}
	if err != nil {
		return control.Outcome{}, err
	}
	over := a.newestOf(r.Service)
	if over == "" {
		over = live
	}
	pin := &history.Pin{Set: id, Over: over}
	if id == over {
		pin = nil
	}
	if err := a.decide(r.Service, pin); err != nil {
		return control.Outcome{}, err
	}
	result, done := a.deployer.Deploy(set, true), make(chan control.Outcome, 1)
	go func() { // ends with the deploy, which goes on when who asked for it has gone
		r := <-result
		a.decided(r, pin)
		done <- outcomeOf(r)
	}()
	select {
	case o := <-done:
		return o, nil
	case <-ctx.Done():
		return control.Outcome{}, context.Cause(ctx)
	}
}

// deployAsked deploys the newest set for those who wait for it, which ends a pin.
func (a *agent) deployAsked(ctx context.Context, set watcher.Set, waiting []chan control.Outcome) {
	decides := a.page(set.Service).Pin != nil
	if decides {
		if err := a.decide(set.Service, nil); err != nil {
			a.out.Warn(set.Service, err.Error())
			decides = false
		}
	}
	result := a.deployer.Deploy(set, true)
	go func() { // ends with the deploy, or with ctx
		o := control.Outcome{Service: set.Service, Error: "the agent was stopped"}
		select {
		case r := <-result:
			if decides {
				a.decided(r, nil)
			}
			o = outcomeOf(r)
		case <-ctx.Done():
		}
		for _, w := range waiting {
			w <- o
		}
	}()
}
