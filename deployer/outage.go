package deployer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// WhileDown does something while no instance of a service runs: all of them are
// stopped, and what was live is started again after it, with an error too. A deploy
// that is under way ends first.
func (d *Deployer) WhileDown(ctx context.Context, service string, do func(context.Context) error) error {
	done := make(chan error, 1)
	if !d.send(service, outage{ctx, do, done}) {
		return errGone
	}
	// It has to be over: what is live may still be down.
	return <-done
}

// errOutage is why what is live does not run meanwhile.
var errOutage = errors.New("it is stopped for its data")

// outage: what is to be done while no instance of the service runs.
type outage struct {
	ctx  context.Context // of who asks for it
	do   func(context.Context) error
	done chan<- error
}

// outageEnded: it is over, and what was live runs again unless down says why not.
type outageEnded struct {
	outage *outage
	live   *Generation
	down   error
	err    error
}

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
	if len(l.outages) == 0 || l.attempt != nil || l.recovery != nil {
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
	l.dropFailed()
	l.remove(l.standby, 0, false)
	l.standby = nil
	for name := range l.removals {
		running = append(running, name)
	}
	live, service := l.live, l.service
	act := func(ctx context.Context) message {
		ended := outageEnded{outage: &m, live: live}
		ended.err = l.stopAll(ctx, running, live, service.StopTimeout)
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

// stopAll ends every instance of a service.
func (s *shop) stopAll(ctx context.Context, names []string, live *Generation, grace time.Duration) error {
	var errs error
	for _, name := range names {
		errs = errors.Join(errs, s.Engine.Stop(ctx, name, grace))
	}
	if live == nil || errs != nil {
		return errs
	}
	s.routing.leave(ctx, live.Name())
	// It is asked by itself first: a guest's init may give it less time.
	if err := s.Engine.Quit(ctx, live.Name(), grace); err != nil {
		s.warn(live.Service, "end the service of "+live.Name(), err)
	}
	return s.Engine.Stop(ctx, live.Name(), grace)
}

// during does what is to be done, until who asked for it has gone or the agent ends.
func (l *loop) during(ctx context.Context, m outage) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(m.ctx, func() { cancel(context.Cause(m.ctx)) })()
	return m.do(ctx)
}

func (l *loop) handleOutageEnded(m outageEnded) {
	l.outage = nil
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
		l.say(Event{Kind: Restarted, Service: l.name, Generation: m.live.Name(), Set: m.live.Set, Reason: "it was stopped for its data"})
		l.watchLive()
	}
	if l.live == nil {
		l.look() // what did not come up may do so now
	}
	l.after = append(l.after, func() { m.outage.done <- m.err })
}
