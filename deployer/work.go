package deployer

import (
	"context"
	"time"

	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/watcher"
)

// drain is an old generation that finishes what it was doing.
type drain struct {
	g *Generation
	ending
}

// ending is how a task is ended: by cancel, and when done is closed it has.
type ending struct {
	cancel context.CancelFunc
	done   <-chan struct{}
}

// removal is a generation that is to go.
type removal struct {
	g       *Generation
	grace   time.Duration
	trying  bool
	reason  string // why it is still there; empty: it is being tried
	retired bool   // it has been live: that it is gone is an event
	open    int    // connections that are cut off with it
}

// request is a set that is to be deployed.
type request struct {
	set    watcher.Set
	seen   time.Time // when its files changed; zero if that is not why it came
	came   time.Time // when it was wanted
	making []Step    // of a standby that was being made then, as far as it waited for them
	force  bool      // even what is live already
	done   []chan<- Result
	pins   bool          // it came with a person's decision
	pin    *history.Pin  // which is that
	revert *history.Pin  // what was decided before; it stands again when this fails
	pause  time.Duration // after which it was tried again
}

// attempt is a deploy under way.
type attempt struct {
	request *request
	cancel  context.CancelCauseFunc
	started time.Time
	plan    Plan
	before  []Space
	// shown is how far it has come, for others: another value at each step.
	shown *Progress
}

// job is one deploy that is to be made.
type job struct {
	service Service
	set     watcher.Set
	// standby is the generation to deploy into; nil: a new one is made, of that
	// number.
	standby *Generation
	number  int
	starts  startMemory
	serving string // the generation that is live now; empty: none is
	// waiting is called when it has to wait for services that it needs, and with
	// none when that is over.
	waiting func(missing []string)
	// begins is called before each step, with those that are done.
	begins func(name string, done []Step)
	// replaces is called before what is live ends for that generation. It gives what
	// that is, and those that still finish what they were doing.
	replaces func(ctx context.Context, by string) (live *Generation, draining []*Generation, err error)
}

// retry is a deploy that has failed for no fault of its artefacts. It is made again
// by itself, unless something newer has come: when a full disk clearly has more
// space (space.go), with the next build where another service of its own has
// failed, or after a pause where the machine was too slow. A service that is paused
// waits until it goes on.
type retry struct {
	request *request
	before  []Space     // what was free; nil: that was not why
	held    bool        // for another of its build
	timer   *time.Timer // nil: it does not go by the clock
}

// predecessor is what had to end before a generation could begin.
type predecessor struct {
	old  *Generation // as it is now
	held Held        // what had to wait for it, in the end
	left bool        // something may still be held then
}

// archiving is the making of the archive for what is live, as the loop knows it.
type archiving struct {
	busy  bool          // one is being made
	pause time.Duration // after the last attempt has failed
	next  time.Time     // when the next one may be
	told  bool          // that it fails was said
}
