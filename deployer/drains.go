package deployer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// linger is how long an old generation stays even when it has no connection:
	// a client that has just looked up its name may still come. The JVMs
	// remember a name for a second.
	linger = 2 * time.Second
	// countShare is how many times as long as it takes to count connections they
	// are left alone.
	countShare = 50
)

// drainOut has a generation finish what it is doing, and then be removed. It
// begins when after is closed, if that is given.
func (l *loop) drainOut(g *Generation, after <-chan struct{}) {
	if g == nil {
		return
	}
	ctx, cancel := context.WithCancel(l.ctx)
	done := make(chan struct{})
	d := &drain{g, ending{cancel, done}}
	l.draining[g.Name()] = d
	service := l.service
	l.task(func(context.Context) message {
		defer close(done)
		defer cancel()
		if after != nil {
			<-after
		}
		if g.Phase != Draining && ctx.Err() == nil {
			l.noted(ctx, g.in(Draining))
		}
		open, err := l.drain(ctx, service, g)
		if err != nil {
			return nil
		}
		return drained{d, open}
	})
}

// drain waits until the generation has nothing left to do: it has no port, or no
// connection, or its time is over, or its service has ended. It gives how many
// connections are open then, to be cut off: clients of HTTP that have nothing under way
// have been sent elsewhere before, since a service that is asked to end may refuse what
// comes over connections that it has kept (Jetty: 503).
func (s *shop) drain(ctx context.Context, service Service, g *Generation) (open int, err error) {
	if g.Port == 0 {
		return 0, context.Cause(ctx) // nobody calls it
	}
	started := time.Now()
	next := started.Add(min(linger, service.Drain))
	for s.Engine.Check(g.Name()) == nil {
		if now := time.Now(); !now.Before(next) {
			open, _, err = s.Engine.Connections(ctx, g.Name(), g.Port)
			over := now.Sub(started) >= service.Drain
			if over && open > 0 && s.disconnect(ctx, service, g) {
				open, _, err = s.Engine.Connections(ctx, g.Name(), g.Port)
			}
			if over || open == 0 || err != nil {
				return open, context.Cause(ctx) // where none can be counted, its container has ended
			}
			// The kernel goes through the connections of all: where there are
			// many, asking ten times a second took a tenth of a core.
			next = now.Add(countShare * time.Since(now))
			if last := started.Add(service.Drain); next.After(last) {
				next = last
			}
		}
		if err := Pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// disconnect sends clients of HTTP elsewhere that have nothing under way, and says whether
// it has.
func (s *shop) disconnect(ctx context.Context, service Service, g *Generation) bool {
	return g.Port != 0 && service.Health.asksHTTP() && s.Engine.Disconnect(ctx, g.Name(), g.Port) == nil
}

func (l *loop) handleDrained(m drained) {
	name := m.by.g.Name()
	if l.draining[name] != m.by {
		return // it is live again
	}
	delete(l.draining, name)
	l.remove(m.by.g, l.service.StopTimeout, true)
	l.removals[name].open = m.open
}

// remove has a generation removed; none is no work. retired says that it has been
// live.
func (l *loop) remove(g *Generation, grace time.Duration, retired bool) {
	if g == nil {
		return
	}
	r := l.removals[g.Name()]
	if r == nil || !r.trying { // else it goes already, as what has died of a service that has gone
		r = &removal{g: g, grace: grace}
		l.removals[g.Name()] = r
	}
	r.retired = r.retired || retired
	l.tryRemoval(r)
}

// drop removes what is kept for later: a standby, or an earlier failure.
func (l *loop) drop(kept **Generation) {
	l.remove(*kept, 0, false)
	*kept = nil
}

// removeLater notes what could not be removed.
func (l *loop) removeLater(g *Generation, why error) {
	l.removals[g.Name()] = &removal{g: g, grace: l.service.StopTimeout, reason: oneLine(why), retired: true}
}

// tryRemoval tries to remove what is to go. What has begun to go, goes: an agent
// that is stopped now would only leave it to the next one.
func (l *loop) tryRemoval(r *removal) {
	if r.trying {
		return
	}
	r.trying = true
	l.task(func(ctx context.Context) message {
		return removed{r.g.Name(), l.discard(context.WithoutCancel(ctx), r.g, r.grace)}
	})
}

// ending says whether a candidate is being removed, whose service may still run.
func (l *loop) ending() bool {
	for _, r := range l.removals {
		if r.trying && r.g.Phase == Candidate {
			return true
		}
	}
	return false
}

// handleRemoved tells what has become of a removal where that is news; what
// could not be removed is tried again by the clock.
func (l *loop) handleRemoved(m removed) {
	r := l.removals[m.name]
	r.trying = false
	if m.err == nil {
		delete(l.removals, m.name)
		if r.retired {
			l.say(retiredEvent(r))
		}
		return
	}
	if reason := oneLine(m.err); reason != r.reason {
		r.reason, r.retired = reason, true
		if !l.over() && !errors.Is(m.err, errMayLead) { // which is told of by itself
			l.sayWarning(m.name+" not removed yet", m.err)
		}
	}
}

// retiredEvent tells that a generation is gone, and how many connections with it.
func retiredEvent(r *removal) Event {
	e := Event{Kind: Retired, Service: r.g.Service, Generation: r.g.Name()}
	switch {
	case r.open == 1:
		e.Reason = "cut off a connection that was open at the end of drain"
	case r.open > 1:
		e.Reason = fmt.Sprintf("cut off %d connections that were open at the end of drain", r.open)
	}
	return e
}
