package deployer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// build is what one build of the developer has touched: with Together the
// services of it are switched as one, when each of them is proven.
//
//	Changing ──▶ Deploy ──▶ lane proves ──▶ promote waits ──▶ all are here: one act
//	                             │               ▲
//	                             └── fails ──────┘ nobody is switched
//
// A build begins with the first service that changes and ends when nobody of
// it is under way. A service that has nothing live is no part of one: those
// that need it would wait for it.
type build struct {
	together bool

	mu       sync.Mutex
	changed  chan struct{}    // closed and made anew when anything below changes
	underway map[string]int   // by service: changes and deploys that have not ended
	arrived  map[string]*seat // by service: proven, and waiting for the others
	failure  error            // why nobody will be switched
	held     map[string]request
}

// seat is where a proven move waits for its build.
type seat struct {
	move move
	done bool
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

func newBuild(together bool) *build {
	return &build{
		together: together, changed: make(chan struct{}),
		underway: map[string]int{}, arrived: map[string]*seat{}, held: map[string]request{},
	}
}

// begin notes that something of the service is under way.
func (b *build) begin(service string) {
	if !b.together {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underway[service]++
}

// release gives the requests of an earlier build that were held back, but for
// that of the service which has newer artefacts: they are part of this build.
func (b *build) release(service string) []request {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.held, service)
	held := slices.Collect(maps.Values(b.held))
	clear(b.held)
	return held
}

// end notes that one of these is over; err is why it failed, or nil.
func (b *build) end(service string, err error) {
	if !b.together {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.underway[service]--; b.underway[service] <= 0 {
		delete(b.underway, service)
	}
	if err != nil && b.failure == nil {
		b.failure = &heldBackError{service, err}
	}
	if len(b.underway) == 0 {
		b.failure = nil
	}
	b.wake()
}

// hold keeps a request that was held back for the next build.
func (b *build) hold(r request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[r.set.Service] = r
}

func (b *build) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// promote switches the move when its whole build is proven, together with the
// others; or at once where services go each for itself.
func (b *build) promote(ctx context.Context, d *Deployer, m move) error {
	if !b.together || m.old == nil {
		return d.promote(ctx, m)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	own := &seat{move: m}
	b.arrived[m.s.Name] = own
	b.wake()
	for {
		switch {
		case own.done:
			return own.err
		case b.failure != nil:
			delete(b.arrived, m.s.Name)
			return b.failure
		case len(b.arrived) >= len(b.underway):
			// The last to come switches them all. Nobody can come or go
			// meanwhile, since the lock is held.
			b.act(ctx, d)
			continue
		}
		changed := b.changed
		b.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		b.mu.Lock()
		if err != nil && !own.done {
			delete(b.arrived, m.s.Name)
			return err
		}
	}
}

func (b *build) act(ctx context.Context, d *Deployer) {
	var moves []move
	for _, s := range b.arrived {
		moves = append(moves, s.move)
	}
	err := d.promote(ctx, moves...)
	for service, s := range b.arrived {
		s.done, s.err = true, err
		delete(b.arrived, service)
	}
	b.wake()
}
