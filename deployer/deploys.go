package deployer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jarloop/jarloop/watcher"
)

// want has a set deployed as soon as what is under way has ended, which it gives
// up. The newest wins: one that waits is dropped.
func (l *loop) want(r *request) {
	l.batch.begin(l.ctx, l.name, true)
	if l.gone {
		l.answer(r, Result{Err: errGone})
		return
	}
	if l.service.Unready != "" {
		l.answer(r, Result{Err: l.unready()})
		return
	}
	if l.wanted != nil {
		l.answer(l.wanted, Result{Err: errNewer})
	}
	r.came, r.making = time.Now(), nil
	l.dropRetry()
	l.wanted = r
	if l.attempt != nil {
		l.attempt.cancel(errNewer)
	}
}

// tryAgain makes again what is due, unless a person wants nothing to be deployed. How
// long it had to wait is not counted.
func (l *loop) tryAgain(due func(*retry) bool) {
	if l.retry == nil || l.page.Paused || !due(l.retry) {
		return
	}
	r := l.retry.request
	r.seen = time.Time{}
	l.want(r)
}

// unready says that nothing can be deployed for now.
func (l *loop) unready() error { return fmt.Errorf("held back: %s", l.service.Unready) }

// answer says how a request has ended.
func (l *loop) answer(r *request, res Result) {
	res.Service, res.Set = l.name, r.set.ID
	err := res.Err
	if givenUp(err) || l.wanted != nil {
		err = nil // what comes in its place counts
	}
	l.batch.end(l.ctx, l.name, err)
	for _, done := range r.done {
		l.reply(done, res)
	}
	r.done = nil // each is answered once, though the set may be tried again
}

// begin begins the deploy that is wanted, as far as its plan says so.
func (l *loop) begin() {
	r := l.wanted
	l.wanted = nil
	anyway := ""
	switch {
	case r.force:
		anyway = "asked for"
	case l.live != nil && l.down != nil && l.hasEnded(l.live.Name()):
		anyway = "the container of what is live has ended"
	}
	if l.standby != nil && l.Engine.Check(l.standby.Name()) != nil { // it has not come through the wait
		l.drop(&l.standby)
	}
	plan := planFor(l.service, r.set.ID, l.live, l.standby, anyway)
	if plan.Discard != "" {
		l.drop(&l.standby)
	}
	if !plan.Deploy {
		l.drop(&l.failed)
		l.newest = Newest{Set: r.set.ID}
		l.say(Event{Kind: Unchanged, Service: l.name, Generation: l.live.Name(), Set: r.set.ID, Reason: plan.Reason})
		l.answer(r, Result{Generation: l.live.Name(), Plan: plan})
		return
	}
	j := job{service: l.service, set: r.set, serving: l.live.Name(), starts: l.starts, waiting: func(missing []string) { l.box.put(waits{missing}) }, replaces: l.replaces}
	if l.standby != nil {
		j.standby, l.standby = l.standby, nil
	} else {
		j.number = l.nextNumber()
	}

	ctx, cancel := context.WithCancelCause(l.ctx)
	a := &attempt{request: r, cancel: cancel, started: time.Now(), plan: plan}
	l.showProgress(a, &j)
	l.attempt, l.newest = a, Newest{Set: r.set.ID, State: Building}
	l.say(Event{Kind: Deploying, Service: l.name, Set: r.set.ID, Reason: plan.String()})
	l.task(func(context.Context) message {
		defer cancel(nil)
		l.background.begin(context.WithoutCancel(ctx)) // which ends it
		a.before, _ = l.Engine.Space(ctx)              // what is not known is not compared
		end := l.deploy(ctx, j)
		end.attempt = a
		return end
	})
}

// handleWaits notes that the deploy under way waits for services that it needs, which
// may take for ever and is no reason for others to wait; none: it goes on.
func (l *loop) handleWaits(m waits) {
	if l.attempt == nil {
		return
	}
	if len(m.missing) > 0 {
		l.say(Event{Kind: Waiting, Service: l.name, Reason: "waits for " + strings.Join(m.missing, ", ")})
		l.background.end(l.ctx)
		l.batch.end(l.ctx, l.name, nil)
	} else {
		l.background.begin(l.ctx)
		l.batch.begin(l.ctx, l.name, false)
	}
	l.waitsFor = m.missing
}

// handleDeployEnded takes up what has become of a deploy.
func (l *loop) handleDeployEnded(m deployEnded) {
	l.background.end(context.WithoutCancel(l.ctx))
	l.attempt, l.waitsFor = nil, nil
	l.endReplacement(m)
	l.number = max(l.number, m.g.Number)
	l.learn(m.learned)
	r, a := m.attempt.request, m.attempt
	steps, started := a.waited()
	steps = append(steps, m.steps...)
	res := Result{Set: r.set.ID, Plan: a.plan, Steps: steps, Took: time.Since(started), Err: m.err}
	l.last = &Last{Generation: m.g.Name(), Set: r.set.ID, Ended: time.Now(), Took: res.Took, Steps: steps}
	if m.before != nil {
		res.Held = m.before.held
	}
	if m.err != nil {
		l.last.Error = oneLine(m.err)
	}
	switch {
	case m.err == nil:
		res.Generation = m.g.Name()
		l.handleLive(m.g, res)
	case givenUp(m.err):
		// On purpose: nothing that anyone has to know.
		l.settleFailed(m)
		if errors.Is(m.err, watcher.ErrUnsound) {
			l.awaitWhole(r)
		}
		if errors.Is(m.err, errOther) && l.wanted == nil && l.service.Unready == "" && !l.gone && !l.over() {
			l.wanted = r // as it is configured now
			return
		}
	default:
		l.handleFailed(m, res)
	}
	l.decide(r, res)
	l.answer(r, res)
}

// handleLive takes up a generation that a deploy has made live.
func (l *loop) handleLive(g *Generation, res Result) {
	l.noStandby = time.Time{} // what was in its way may have gone
	l.newest = Newest{Set: g.Set}
	old, over := l.setLive(g)
	l.drainOut(old, over)
	l.drop(&l.failed)
	e := Event{
		Kind: WentLive, Service: l.name, Generation: g.Name(), Set: g.Set,
		Address: g.at(), Took: res.Took, Steps: res.Steps, Reason: res.Held.addTo(g.news),
	}
	l.addStart(&e, g)
	if old == nil && g.Port != 0 && l.service.Health.opensOnly() {
		e.Reason = strings.TrimPrefix(e.Reason+"; it accepts connections: that it answers too is proven by health.path", "; ")
	}
	l.say(e)
	l.remember(e)
	l.sayDiverted()
	l.afterLive(g, old)
	l.lookTaken(g)
	if l.vip.IsValid() && g.VIP != l.vip {
		l.noteVIP(func() {})
	}
	if l.gone { // it could not be stopped any more
		l.retireLive()
	}
}

// afterLive does what follows when a generation has gone live.
func (l *loop) afterLive(g, old *Generation) {
	service, name := l.service, g.Name()
	l.task(func(ctx context.Context) message {
		if err := l.Engine.Prune(ctx, service.Name, l.KeepGenerations); err != nil && ctx.Err() == nil {
			l.warn(service.Name, "old logs not removed", err)
		}
		if len(service.After) == 0 {
			return nil
		}
		h := hookOf("after_deploy", service.After, service, g, old.Name(), g.Set)
		if err := l.Hook(ctx, h); err != nil && ctx.Err() == nil {
			l.warn(service.Name, h.Name+" of "+name, err)
		}
		return nil
	})
}

// handleFailed tells of a deploy that has failed, and when it is tried again.
func (l *loop) handleFailed(m deployEnded, res Result) {
	r := m.attempt.request
	e := Event{
		Kind: Failed, Service: l.name, Generation: m.g.Name(), Set: r.set.ID, Took: res.Took, Steps: res.Steps,
		Reason: oneLine(m.err), Kept: m.g.Phase == KeptFailure, Serving: l.live.Name(), Tail: l.Engine.Tail(m.g.Name()),
	}
	var step *stepError
	if errors.As(m.err, &step) {
		e.Step = step.Step
	}
	if e.Step == "prove" {
		e.Reason = explained(l.service, m.err, e.Tail)
	}
	e.Reason = res.Held.addTo(e.Reason)
	e.Reason += l.tryLater(m)
	l.newest = Newest{Set: r.set.ID, State: Broken, Reason: e.Reason}
	l.settleFailed(m)
	l.say(e)
	l.remember(e)
}

// settleFailed takes up what a failed deploy has left: what is kept of it, in
// place of what was kept before, or what could not be removed.
func (l *loop) settleFailed(m deployEnded) {
	var step *stepError
	switch {
	case m.g.Phase == KeptFailure:
		l.drop(&l.failed)
		l.failed = m.g
	case errors.As(m.err, &step) && step.Undo != nil:
		l.removeLater(m.g, step.Undo)
	}
}
