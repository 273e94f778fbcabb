package deployer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// batch is what one build of the developer has touched: with Together its
// services are switched as one, when each of them is proven.
//
//	begin ──▶ deploys ──▶ promote waits ──▶ all are here: one act
//	             │              ▲
//	             └─ end, failed ┘ nobody is switched
//
// It begins with the first service that changes and is over when nothing of it
// is under way. A service of which nothing is live is no part of one: those that
// need it would wait for it.
type batch struct {
	owner
	together bool
	retry    func(service string) // called when what was held back may be tried again
	toLive   func(context.Context, ...*Generation) ([]*Generation, error)

	// Of the owner alone.
	underway map[string]int   // by service: changes and deploys that have not ended
	arrived  map[string]*seat // by service: proven, and waiting for the others
	failed   map[string]error // by service: why nobody will be switched
	held     []string         // services that were held back
}

// seat is where a proven generation waits for its batch.
type seat struct {
	g    *Generation
	done chan struct{} // closed when next or err is there
	next *Generation
	err  error
}

// heldBackError says that a service is not switched because another one of
// the same build failed.
type heldBackError struct {
	By  string // the service that failed
	Why error
}

func (e *heldBackError) Error() string {
	return fmt.Sprintf("held back, since %s of the same build failed: %v", e.By, e.Why)
}

func (e *heldBackError) Unwrap() error { return e.Why }

func newBatch(together bool, retry func(string), toLive func(context.Context, ...*Generation) ([]*Generation, error)) *batch {
	return &batch{
		owner: newOwner(), together: together, retry: retry, toLive: toLive,
		underway: map[string]int{}, arrived: map[string]*seat{}, failed: map[string]error{},
	}
}

// begin notes that something of the service is under way. What an earlier batch
// has held back is part of this one. Where it is a deploy, what has failed of the
// service before counts no longer: this comes in its place.
func (b *batch) begin(ctx context.Context, service string, deploy bool) {
	if !b.together {
		return
	}
	_ = b.do(ctx, func() {
		b.underway[service]++
		if deploy {
			delete(b.failed, service)
		}
		held := b.held
		b.held = nil
		for _, name := range held {
			if name != service { // which has newer artefacts
				b.retry(name)
			}
		}
	})
}

// end notes that one of these is over; err is why it failed, or nil. One that
// was held back is tried again with the next batch.
func (b *batch) end(ctx context.Context, service string, err error) {
	if !b.together {
		return
	}
	_ = b.do(ctx, func() {
		switch held := (*heldBackError)(nil); {
		case err == nil:
		case !errors.As(err, &held):
			b.failed[service] = &heldBackError{service, err}
		case len(b.failed) == 0: // what comes in the place of that is under way
			b.retry(service)
		case !slices.Contains(b.held, service):
			b.held = append(b.held, service)
		}
		if b.underway[service]--; b.underway[service] <= 0 {
			delete(b.underway, service)
		}
		b.advance()
		if len(b.underway) == 0 {
			clear(b.failed)
		}
	})
}

// promote switches to a proven generation when its whole batch is proven,
// together with the others; or at once where services go each for itself. It
// gives the generation as it is live.
func (b *batch) promote(ctx context.Context, g *Generation, replaces bool) (*Generation, error) {
	if !b.together || !replaces {
		live, err := b.toLive(ctx, g)
		if err != nil {
			return nil, err
		}
		return live[0], nil
	}
	own := &seat{g: g, done: make(chan struct{})}
	if err := b.do(ctx, func() { b.arrived[g.Service] = own; b.advance() }); err != nil {
		return nil, err
	}
	select {
	case <-own.done:
	case <-ctx.Done():
		_ = b.do(context.WithoutCancel(ctx), func() {
			if b.arrived[g.Service] == own { // else the switch is under way
				delete(b.arrived, g.Service)
				own.end(nil, context.Cause(ctx))
				b.advance()
			}
		})
		<-own.done
	}
	return own.next, own.err
}

// advance lets those go that have arrived, if it is time.
func (b *batch) advance() {
	if len(b.arrived) == 0 || len(b.failed) == 0 && len(b.arrived) < len(b.underway) {
		return
	}
	seats := slices.Collect(maps.Values(b.arrived))
	clear(b.arrived)
	if len(b.failed) > 0 {
		failure := b.failed[slices.Min(slices.Collect(maps.Keys(b.failed)))]
		for _, s := range seats {
			s.end(nil, failure)
		}
		return
	}
	go b.act(seats) // those who sit there wait for it
}

func (b *batch) act(seats []*seat) {
	var all []*Generation
	for _, s := range seats {
		all = append(all, s.g)
	}
	live, err := b.toLive(context.Background(), all...)
	for i, s := range seats {
		if err != nil {
			s.end(nil, err)
		} else {
			s.end(live[i], nil)
		}
	}
}

func (s *seat) end(next *Generation, err error) {
	s.next, s.err = next, err
	close(s.done)
}
