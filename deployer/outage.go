package deployer

import (
	"context"
	"errors"
	"fmt"
)

// errOutage is why what is live does not run meanwhile.
var errOutage = errors.New("it is stopped on purpose")

func (l *loop) handleOutage(m outage) {
	if l.gone {
		l.refuse(m, errGone)
		return
	}
	l.outages = append(l.outages, m)
}

// beginOutage begins one that waits, when nothing else is under way, and says if the
// service is to be left alone.
func (l *loop) beginOutage() bool {
	if l.outage != nil {
		return true
	}
	if len(l.outages) == 0 || l.attempt != nil || l.recovery != nil || l.holding {
		return false
	}
	if l.making != nil { // it is waited for if it has begun
		l.making()
		return true
	}
	m := l.outages[0]
	l.outages, l.outage = l.outages[1:], &m
	var running []string
	for _, d := range l.draining {
		d.cancel()
		l.remove(d.g, l.service.StopTimeout, true)
		delete(l.draining, d.g.Name())
	}
	l.drop(&l.failed)
	l.drop(&l.standby)
	for name := range l.removals {
		running = append(running, name)
	}
	live := l.live
	r := &replacement{making: &making{shop: l.shop, service: l.service}, predecessor: predecessor{old: live}}
	act := func(ctx context.Context) message {
		ended := outageEnded{outage: &m, live: live}
		ended.err = r.stopAll(ctx, running)
		ended.holds = r.holds
		if ended.err == nil {
			ended.err = l.during(ctx, m)
		}
		if live != nil {
			ended.live, ended.down = l.relaunch(context.WithoutCancel(ctx), live, 0) // an agent that ends has it serve on
		}
		return ended
	}
	if live == nil {
		l.task(act)
	} else {
		l.down = errOutage
		l.recovering(act)
	}
	return true
}

// stopAll ends every instance of a service. What comes to it from now on is held.
func (r *replacement) stopAll(ctx context.Context, names []string) error {
	var errs error
	grace := r.service.StopTimeout
	for _, name := range names {
		errs = errors.Join(errs, r.Engine.Stop(ctx, name, grace))
	}
	if r.old == nil || errs != nil {
		return errs
	}
	if err := r.hold(ctx); err != nil {
		r.warn(r.service.Name, "connections are not held meanwhile", err)
	}
	if err := r.quiet(ctx); err != nil {
		return err
	}
	r.routing.leave(ctx, r.old.Name())
	// It is asked by itself first: a guest's init may give it less time.
	if err := r.quit(ctx, r.old.Name(), grace); err != nil {
		return err
	}
	return r.Engine.Stop(ctx, r.old.Name(), grace)
}

// during does what is to be done, until who asked for it has gone or the agent ends.
func (l *loop) during(ctx context.Context, m outage) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(m.ctx, func() { cancel(context.Cause(m.ctx)) })()
	return m.do(ctx)
}

func (l *loop) handleOutageEnded(m outageEnded) {
	l.outage, l.holding = nil, m.holds
	switch {
	case l.live == nil || m.live == nil || l.live.Name() != m.live.Name(): // it has gone meanwhile
	case m.down != nil:
		l.down = m.down
		l.sayWarning("cannot start "+m.live.Name()+" again", m.down)
		l.restart()
		if m.err == nil {
			m.err = fmt.Errorf("it is done, but %s does not start: %w", m.live.Name(), m.down)
		}
	default:
		l.live, l.down = m.live, nil
		l.say(Event{Kind: Restarted, Service: l.name, Generation: m.live.Name(), Set: m.live.Set, Reason: "it was stopped on purpose"})
		l.watchLive()
	}
	l.passOn()
	if l.live == nil {
		l.look() // what did not come up may do so now
	}
	l.after = append(l.after, func() { m.outage.done <- m.err })
}
