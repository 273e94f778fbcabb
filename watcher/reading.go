package watcher

import (
	"context"
	"errors"
)

// ErrUnsound is what Wait gives of a set whose files are not whole.
var ErrUnsound = errors.New("the files are not whole")

// Reading is the reading of a set to the last byte of its archives. It goes on
// beside what is done with the set, so that nobody waits for it who need not.
type Reading struct {
	done chan struct{}
	err  error // set before done is closed
}

// NewReading gives a Reading, and what ends it; that is to be called once. Its
// error is what Wait gives.
func NewReading() (r *Reading, end func(error)) {
	r = &Reading{done: make(chan struct{})}
	return r, func(err error) {
		r.err = err
		close(r.done)
	}
}

// Wait waits until the set has been read. It gives nil if all of it is whole,
// ErrUnsound with the reason if not; any other error is about reading it, or that
// of ctx. A nil Reading has ended well.
func (r *Reading) Wait(ctx context.Context) error {
	if r == nil {
		return nil
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
