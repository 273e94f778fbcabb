package watcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// grace is how long the end waits for calls on the share that hang.
const grace = time.Second

// calls are what can hang, so it runs apart from the loop. Each is given values
// alone, and ends with a message: what the loop is to do then.
type calls struct {
	answers  chan answer
	ended    chan struct{} // closed when nobody takes answers any more
	underWay map[*call]bool
}

// call is one of them.
type call struct {
	services []string // that it is for
	cancel   context.CancelFunc
	dropped  bool
	beats    atomic.Int64 // grows while there is progress
	seen     int64        // beats when progress was asked for
}

type answer struct {
	call *call
	then func()
}

func newCalls() *calls {
	return &calls{answers: make(chan answer), ended: make(chan struct{}), underWay: make(map[*call]bool)}
}

// start begins a call. It shows progress by beat.
func (c *calls) start(ctx context.Context, services []string, run func(ctx context.Context, beat func()) (then func())) *call {
	ctx, cancel := context.WithCancel(ctx)
	one := &call{services: services, cancel: cancel}
	c.underWay[one] = true
	go func() { // ends with run; end waits for it, if not for ever
		defer cancel()
		beat := func() { one.beats.Add(1) }
		a := answer{one, run(ctx, beat)}
		beat() // for a loop that is late to take the answer
		select {
		case c.answers <- a:
		case <-c.ended:
		}
	}()
	return one
}

// answered does what is to be done when a call has ended, unless it was dropped.
func (c *calls) answered(a answer) {
	delete(c.underWay, a.call)
	if !a.call.dropped {
		a.then()
	}
}

// drop cancels a call. Nothing is done when it ends.
func (c *call) drop() {
	c.dropped = true
	c.cancel()
}

// progress says whether there was any since it was asked last.
func (c *call) progress() bool {
	before := c.seen
	c.seen = c.beats.Load()
	return c.seen != before
}

// end waits for the calls under way, and for what they say, for as long as grace
// lets it. The error names the services of those that hang.
func (c *calls) end(say <-chan string) error {
	defer close(c.ended)
	over := time.After(grace)
	for len(c.underWay) > 0 {
		select {
		case a := <-c.answers:
			delete(c.underWay, a.call)
		case <-say:
		case <-over:
			var names []string
			for one := range c.underWay {
				names = append(names, one.services...)
			}
			slices.Sort(names)
			return fmt.Errorf("stop watching: the share does not answer for %s", strings.Join(slices.Compact(names), ", "))
		}
	}
	return nil
}
