package deployer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jarloop/jarloop/watcher"
)

// errNewer ends a deploy whose artefacts are not the newest any more.
var errNewer = errors.New("newer artefacts have come")

type request struct {
	set   watcher.Set
	seen  time.Time // when its files changed; zero if that is not why it came
	force bool
	done  chan<- Result // has room for one
	// number grows with each request; one that is put once more keeps its own.
	number int64
}

// lane deploys one service, one set at a time.
type lane struct {
	d   *Deployer
	s   Service
	box chan request // holds one, the newest

	end   context.CancelFunc // ends run; set before it runs
	ended chan struct{}      // closed when run has returned

	// died receives the live generation when its service has ended.
	died chan *Generation

	mu      sync.Mutex
	live    *Generation
	standby *Generation
	making  bool // a standby
	// noStandby is when the last attempt at one failed; zero: it did not.
	noStandby time.Time
	draining  map[*Generation]context.CancelFunc
	activity  Kind // Deploying, Waiting or empty
	newest    Newest
	last      *Last
	withheld  Newest      // artefacts that were not even tried; no state: there are none
	number    int64       // of the newest request
	starved   *starved    // waits for room on a disk; nil: none does
	restarts  []time.Time // within the last minute
	// restarted is how often the live generation was started again.
	restarted int

	background sync.WaitGroup
}

func newLane(d *Deployer, s Service) *lane {
	return &lane{
		d: d, s: s, box: make(chan request, 1), died: make(chan *Generation), ended: make(chan struct{}),
		draining: map[*Generation]context.CancelFunc{},
	}
}

// put leaves a request in the mailbox, in place of one that waits there; but
// not one that is older than the newest.
func (l *lane) put(r request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.number < l.number {
		l.finish(r, Result{Service: l.s.Name, Set: r.set.ID, Err: errNewer})
		return
	}
	l.number, l.starved = r.number, nil
	for {
		select {
		case l.box <- r:
			return
		default:
		}
		select {
		case old := <-l.box:
			l.finish(old, Result{Service: l.s.Name, Set: old.set.ID, Err: errNewer})
		default:
		}
	}
}

// finish says how a request has ended.
func (l *lane) finish(r request, res Result) {
	err := res.Err
	if res.givenUp() {
		err = nil // what comes in its place counts
	}
	if res.heldBack() {
		l.d.build.hold(r)
	}
	l.d.build.end(l.s.Name, err)
	r.done <- res
}

// run serves the mailbox until ctx ends and what it started has ended.
func (l *lane) run(ctx context.Context) {
	defer l.background.Wait()
	l.start(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-l.box:
			l.serve(ctx, r)
			l.makeStandby(ctx)
		case g := <-l.died:
			l.mourn(ctx, g)
		}
	}
}

// start takes up what recovery has found for this lane.
func (l *lane) start(ctx context.Context) {
	l.mu.Lock()
	live := l.live
	var draining []*Generation
	for g := range l.draining {
		draining = append(draining, g)
	}
	l.mu.Unlock()
	for _, g := range draining {
		l.retire(ctx, g)
	}
	if live != nil {
		l.watch(ctx, live)
	}
	l.makeStandby(ctx)
}

// serve deploys the request, and any newer one that comes meanwhile.
func (l *lane) serve(ctx context.Context, r request) {
	for {
		attempt, cancel := context.WithCancelCause(ctx)
		result := make(chan Result, 1)
		go func() { result <- l.attempt(ctx, attempt, r) }()
		var newer *request
		select {
		case res := <-result:
			cancel(nil)
			l.finish(r, res)
			return
		case n := <-l.box:
			newer = &n
			cancel(errNewer)
		case <-ctx.Done():
			cancel(context.Cause(ctx))
		}
		l.finish(r, <-result)
		if newer == nil {
			return
		}
		r = *newer
	}
}

// attempt makes one deploy of r, as far as its plan says so. It gives up when
// ctx ends; what follows from a deploy that went well lives as long as the
// lane does.
func (l *lane) attempt(lifetime, ctx context.Context, r request) Result {
	started, settled := time.Now(), time.Now()
	if !r.seen.IsZero() {
		started = r.seen
	}
	live, standby, plan := l.plan(r)
	result := Result{Service: l.s.Name, Set: r.set.ID, Plan: plan}
	if plan.Discard != "" {
		if err := l.d.discard(ctx, standby, 0); err != nil {
			l.d.warn(l.s.Name, plan.Discard+" not removed", err)
		}
		standby = nil
	}
	if !plan.Deploy {
		l.keepStandby(ctx, standby)
		l.passed(lifetime)
		result.Generation = live.Name()
		l.d.tell(Event{Kind: Unchanged, Service: l.s.Name, Generation: live.Name(), Set: r.set.ID, Reason: plan.Reason})
		l.note(Newest{Set: r.set.ID})
		return result
	}
	l.act(Deploying)
	defer l.act("")
	l.d.calm.begin()
	defer l.d.calm.end()
	l.note(Newest{Set: r.set.ID, State: Building})
	l.d.tell(Event{Kind: Deploying, Service: l.s.Name, Set: r.set.ID, Reason: plan.String()})

	before := l.d.rooms()
	g, steps, err := l.d.deploy(ctx, l.s, r.set, live, standby)
	if settled.After(started) {
		steps = append([]Step{{"settle", settled.Sub(started)}}, steps...)
	}
	result.Steps, result.Took, result.Err = steps, time.Since(started), err
	l.keepResult(g, result)
	switch {
	case err == nil:
		result.Generation = g.Name()
		l.wentLive(lifetime, g, live)
		l.d.tell(Event{
			Kind: WentLive, Service: l.s.Name, Generation: g.Name(), Set: r.set.ID,
			Address: g.target().String(), Took: result.Took, Steps: steps,
		})
		l.after(lifetime, g, live)
	case errors.Is(err, errNewer) || ctx.Err() != nil:
		// Given up on purpose: nothing that anyone has to know.
	default:
		waits := l.starve(r, before, err)
		if waits {
			l.passed(lifetime) // what is kept takes room
		}
		l.failed(g, r.set.ID, live, result, waits)
	}
	return result
}

// plan decides, and takes the standby out of the lane if it has a part in it.
func (l *lane) plan(r request) (live, standby *Generation, p Plan) {
	live, standby = l.current(), l.takeStandby()
	anyway := ""
	switch {
	case r.force:
		anyway = "asked for"
	case live != nil && l.d.lost(live):
		anyway = "the container of what is live has ended"
	}
	p = planFor(l.s, r.set.ID, recordOf(live), recordOf(standby), anyway)
	if p.Standby != "" && l.d.alive(standby) != nil {
		p.Standby, p.Discard = "", p.Standby // it has not come through the wait
	}
	return live, standby, p
}

func (l *lane) current() *Generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live
}

func recordOf(g *Generation) *Record {
	if g == nil {
		return nil
	}
	return &g.Record
}

// wentLive notes that g is live in place of old, which may be nil, and starts
// what follows from it.
func (l *lane) wentLive(ctx context.Context, g, old *Generation) {
	l.mu.Lock()
	l.live, l.restarted = g, 0
	l.noStandby = time.Time{} // what was in its way may have gone
	l.mu.Unlock()
	l.note(Newest{Set: g.Set})
	l.passed(ctx)
	if old != nil {
		l.retire(ctx, old)
	}
	l.watch(ctx, g)
	l.d.pruneLogs(l.s.Name)
}

// failed tells of a deploy that has; it waits for room if that is what it lacked.
func (l *lane) failed(g *Generation, set string, live *Generation, r Result, waits bool) {
	e := Event{
		Kind: Failed, Service: l.s.Name, Generation: g.Name(), Set: set, Took: r.Took, Steps: r.Steps, Reason: oneLine(r.Err),
		Kept: g.Phase == Kept,
	}
	var step *stepError
	if errors.As(r.Err, &step) {
		e.Step = step.Step
	}
	if waits {
		e.Reason += "; it is tried again when there is more room"
	}
	if live != nil {
		e.Serving = live.Name()
	}
	if g.reports != "" {
		e.Tail = g.lastWords()
	}
	l.note(Newest{Set: set, State: Broken, Reason: e.Reason})
	l.d.tell(e)
}
