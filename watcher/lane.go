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

// lane looks after one service. All but the mailbox (wake, asked) and held
// belongs to the goroutine of run.
type lane struct {
	service Service
	options Options
	how     how
	place   place
	polling source
	notify  *notifier
	events  chan<- Event
	calls   *sync.WaitGroup // calls on the share and the store that are under way
	once    bool            // end with the first Ready or Refused

	wake  chan struct{} // of one: something may have changed
	asked atomic.Bool   // a Ready or Refused is wanted even if nothing changed
	busy  atomic.Bool   // a call is under way

	mu   sync.Mutex
	held []string // IDs of sets that are being told or were told last

	pace       *pace
	lookCost   mean
	glanceCost mean
	idling     bool    // polling, with nothing to do: idle is what comes next
	hot        []entry // what to glance at then

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
}

// run looks until the context ends. It does not itself call anything that can
// hang, so it ends promptly.
func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil && (!l.once || !l.answered) {
		l.idling = false
		atLeast, atMost := l.turn(ctx)
		if l.idling {
			l.idle(ctx, l.hot)
		} else {
			l.pause(ctx, atLeast, atMost)
		}
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
	if l.asked.Swap(false) {
		l.owed = true
	}
	began := time.Now()
	seen, err := l.look(ctx)
	if errors.Is(err, errGivenUp) {
		return 0, 0
	}
	if err != nil {
		return l.troubled(ctx, err)
	}
	now := time.Now()
	l.lookCost.add(now.Sub(began))
	l.placed(ctx, seen, now)
	if len(seen.entries) > 0 {
		l.filled = seen.fs.dev
	} else if seen.problem == "" && l.filled != 0 && l.filled != seen.fs.dev {
		return l.troubled(ctx, errUnmounted)
	}
	if !l.illTake {
		l.recovered(ctx)
	}
	// At most half of the time goes into looking, however slow the share is.
	pace := max(breath, now.Sub(began))
	step := l.settler.next(now, seen.snapshot, l.owed)
	l.tell(ctx, step.events...)
	if step.do != rest {
		l.pace.stir(now)
	}
	switch step.do {
	case wait:
		atLeast = max(pace, min(step.wait, l.options.Settle))
		return atLeast, max(atLeast, min(step.wait, seen.source.rest()))
	case take:
		return l.take(ctx, seen, step.final)
	}
	l.recovered(ctx)
	if _, polls := seen.source.(polling); polls && !l.once {
		l.idling, l.hot = true, hottest(seen.entries)
	}
	return pace, max(pace, seen.source.rest())
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
