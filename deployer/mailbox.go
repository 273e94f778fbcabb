package deployer

import (
	"context"
	"sync"
)

// mailbox takes messages from anybody, without making them wait, and gives them
// to its one reader in their order.
type mailbox[M any] struct {
	mu      sync.Mutex
	waiting []M
	closed  bool
	news    chan struct{} // has room for one
}

func newMailbox[M any]() *mailbox[M] { return &mailbox[M]{news: make(chan struct{}, 1)} }

// put leaves a message, unless nobody reads any more, and says whether it did.
func (b *mailbox[M]) put(m M) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.waiting = append(b.waiting, m)
	select {
	case b.news <- struct{}{}:
	default: // the reader knows already
	}
	return true
}

// close takes no more, and gives what nobody has read.
func (b *mailbox[M]) close() []M {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	return b.take()
}

// take gives what has come since the last call.
func (b *mailbox[M]) take() []M {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.waiting
	b.waiting = nil
	return all
}

// owner does calls one at a time on a goroutine of its own, so that what only
// they touch needs no lock.
type owner struct{ calls chan func() }

func newOwner() owner { return owner{make(chan func())} }

// serve does what comes until ctx ends.
func (o owner) serve(ctx context.Context) {
	for {
		select {
		case f := <-o.calls:
			f()
		case <-ctx.Done():
			return
		}
	}
}

// do has f done and waits for it; it is not done when ctx has ended first.
func (o owner) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case o.calls <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
