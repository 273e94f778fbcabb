package watcher

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// breath is the least time between two scans for hints alone, which may come
// thousands a second.
const breath = 5 * time.Millisecond

// settleLooks is how many looks are taken in the time of Options.Settle.
const settleLooks = 5

// lane looks after one service. All but the mailbox (wake, asked) and held
// belongs to the goroutine of run.
type lane struct {
	service Service
	options Options
	how     how
	place   place
	polling source
	notify  *notifier
	lookout *lookout
	events  chan<- Event
	calls   *sync.WaitGroup // calls on the share and the store that are under way
	once    bool            // end with the first Ready or Refused
	end     func()          // set by start
	ended   chan struct{}   // closed when run has returned; made by start

	wake  chan struct{} // of one: something may have changed
	asked atomic.Bool   // a Ready or Refused is wanted even if nothing changed
	busy  atomic.Int32  // calls under way

	mu   sync.Mutex
	held []string // IDs of sets that are being told or were told last

	settler  settler
	owed     bool       // asked, and not yet answered
	answered bool       // told a Ready or Refused
	fs       filesystem // that the folder was on at the last look
	filled   uint64     // device that the folder was on when it had files
	inotify  time.Time  // before this inotify is not tried again
	ill      string     // reason of the trouble that there is now
	illSince time.Time
	illTold  bool
	illTake  bool // the trouble is with taking, which a look that succeeds does not end

	hot     hot
	last    *snapshot     // of the last look; nil: none yet
	began   time.Time     // of the last look
	cost    time.Duration // of a look
	changed time.Time     // when files were last seen to change; zero: not since the first look
}

// run looks until the context ends. It does not itself call anything that can
// hang, so it ends promptly.
func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil && (!l.once || !l.answered) {
		atLeast, atMost := l.turn(ctx)
		l.pause(ctx, atLeast, atMost)
	}
}

// pause waits: not less than atLeast, and then for a hint, up to atMost.
func (l *lane) pause(ctx context.Context, atLeast, atMost time.Duration) {
	if l.once && l.answered {
		return
	}
	timer := time.NewTimer(atLeast)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	timer.Reset(max(0, atMost-atLeast))
	select {
	case <-timer.C:
	case <-l.wake:
	case <-ctx.Done():
	}
}

// turn looks once and does what is to be done; then says how long to pause.
func (l *lane) turn(ctx context.Context) (atLeast, atMost time.Duration) {
	l.hear()
	l.began = time.Now()
	seen, err := l.look(ctx)
	if errors.Is(err, errGivenUp) {
		return 0, 0
	}
	if err != nil {
		return l.troubled(ctx, err)
	}
	now := time.Now()
	l.placed(ctx, seen, now)
	if len(seen.entries) > 0 {
		l.filled = seen.fs.dev
	} else if seen.problem == "" && l.filled != 0 && l.filled != seen.fs.dev {
		return l.troubled(ctx, errUnmounted)
	}
	if !l.illTake {
		l.recovered(ctx)
	}
	l.compare(seen.snapshot, now)
	// At most half of the time goes into looking, however slow the share is; one
	// that hung and answers again is looked at soon.
	pace := max(breath, min(now.Sub(l.began), l.options.Poll))
	step := l.settler.next(now, seen.snapshot, l.owed)
	l.tell(ctx, step.events...)
	switch step.do {
	case wait:
		// Looking several times while files settle tells sooner since when they
		// are still.
		atLeast = max(pace, min(step.wait, l.options.Settle/settleLooks))
		if step.wait <= l.options.Settle {
			return atLeast, atLeast
		}
		if step.wait <= l.options.Patience { // somebody is writing
			return max(pace, glance), max(pace, glance)
		}
		return atLeast, max(atLeast, min(step.wait, seen.source.rest()))
	case take:
		return l.take(ctx, seen, step.final)
	}
	l.recovered(ctx)
	return pace, max(pace, l.rest(ctx, seen))
}

// hear takes note of who has asked.
func (l *lane) hear() {
	if l.asked.Swap(false) {
		l.owed = true
	}
}

// compare takes note of what has changed since the last look.
func (l *lane) compare(seen snapshot, now time.Time) {
	l.cost = mean(l.cost, now.Sub(l.began))
	if l.last != nil && l.hot.note(*l.last, seen) {
		l.changed = now
		l.lookout.stir(now)
	}
	l.last = &seen
}

// rest gives how long the lane may go without looking when there is nothing
// to do. Where it would have to poll, it leaves that to the lookout.
func (l *lane) rest(ctx context.Context, seen view) time.Duration {
	if _, polls := seen.source.(polling); !polls {
		l.lookout.gone(l)
		return seen.source.rest()
	}
	if !l.leave(ctx, l.hot.spots(l.place.dir, l.service.Runs, seen.snapshot)) {
		return seen.source.rest()
	}
	return l.options.Poll
}

// leave has the lookout watch for this lane. It is false where the lane looks
// as often by itself.
func (l *lane) leave(ctx context.Context, spots []spot) bool {
	if l.once || l.options.Poll <= quick {
		return false
	}
	l.lookout.leave(ctx, &post{
		lane: l, dev: l.fs.dev, spots: spots,
		scanned: l.began, cost: l.cost, changed: l.changed,
	})
	return true
}

// take copies and checks what was seen, and tells what came of it.
func (l *lane) take(ctx context.Context, seen view, final bool) (atLeast, atMost time.Duration) {
	var f found
	var err error
	since := l.settler.since
	if !l.aside(ctx, func(beat func()) { f, err = l.copy(ctx, seen, since, final, beat) }) {
		return 0, 0
	}
	var unfit *unfitError
	switch {
	case errors.Is(err, errMoved):
		l.settler.moved(time.Now())
		return l.options.Settle, l.options.Settle
	case errors.As(err, &unfit):
		f.reason = unfit.reason
	case err != nil:
		l.illTake = true
		return l.troubled(ctx, err)
	}
	l.recovered(ctx)
	l.tell(ctx, l.settler.conclude(f, final, l.owed)...)
	if f.reason == "" {
		l.release(f.set.ID)
	}
	return breath, breath // the next scan finds out how long to rest
}

// tell sends events of this service and takes note of answers.
func (l *lane) tell(ctx context.Context, events ...Event) {
	for _, e := range events {
		e.Service = l.service.Name
		l.send(ctx, e)
		if e.Kind == Ready || e.Kind == Refused {
			l.owed, l.answered = false, true
		}
	}
}

func (l *lane) send(ctx context.Context, e Event) {
	select {
	case l.events <- e:
	case <-ctx.Done():
	}
}
