package deployer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// replaces asks the loop to take the end of what is live for no death, from now on
// until the deploy has ended.
func (l *loop) replaces(ctx context.Context, by string) (live *Generation, draining []*Generation, err error) {
	done := make(chan replaced, 1)
	l.box.put(replaces{by, done})
	select {
	case r := <-done:
		return r.live, r.draining, r.err
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// handleReplaces answers when nobody brings back what is live any more.
func (l *loop) handleReplaces(m replaces) {
	l.replaced = true
	switch r := l.recovery; {
	case r != nil:
		r.cancel()
		l.task(func(context.Context) message { <-r.done; return m })
		return
	case l.live == nil:
		m.done <- replaced{err: errMoved}
		return
	}
	next := *l.live
	next.Yields, l.live = m.by, &next
	a := replaced{live: &next}
	for _, d := range l.draining {
		a.draining = append(a.draining, d.g)
	}
	m.done <- a
}

// endReplacement takes up what has become of what was live when a deploy has ended:
// after one that has failed it is watched again, or started as one that has died.
func (l *loop) endReplacement(m deployEnded) {
	if !l.replaced {
		return
	}
	l.replaced, l.holding = false, m.r.left
	if m.err == nil || l.live == nil || l.over() {
		return
	}
	if m.r.old.Name() == l.live.Name() {
		l.live = m.r.old
	}
	if l.Engine.Check(l.live.Name()) == nil {
		l.down = nil
	}
	l.watchLive()
}

// takeHeld finds what an earlier agent held: that of services which are live waits on
// until those accept it, and nobody else waits any longer.
func (d *Deployer) takeHeld(ctx context.Context) (map[string]netip.AddrPort, error) {
	held := map[string]netip.AddrPort{}
	if d.Holder == nil {
		return held, nil
	}
	holding, err := d.Holder.Holding(ctx)
	if err != nil {
		d.warn("", "connections that an earlier agent held", err)
	}
	for _, l := range *d.loops.Load() {
		h, found := holding[l.name]
		if l.holding = found && l.live != nil; l.holding {
			held[l.name] = h.Address
			delete(holding, l.name)
		}
	}
	for service := range holding {
		_, err := d.Holder.Release(ctx, service, netip.AddrPort{})
		if err := errors.Join(err, d.Holder.End(ctx, service)); err != nil {
			d.warn(service, "connections that an earlier agent held", err)
		}
	}
	return held, ctx.Err()
}

// passOn passes on what an earlier agent held, or a deploy has left, when what is live
// accepts it, or has had the time for that. Nothing is deployed before.
func (l *loop) passOn() {
	if !l.holding || l.passing || l.over() {
		return
	}
	l.passing = true
	service, live := l.service, l.live
	l.task(func(ctx context.Context) message {
		short, cancel := context.WithTimeout(ctx, service.Health.Timeout)
		defer cancel()
		for live != nil && l.serves(short, service, live) != nil && pause(short, repairEvery/40) == nil {
		}
		_, err := l.letGo(context.WithoutCancel(ctx), l.name)
		return letGone{err}
	})
}

// serves waits until a generation that was proven before serves again.
func (s *shop) serves(ctx context.Context, service Service, g *Generation) error {
	service.Health.Log, service.Health.Up = "", 0
	_, err := s.prove(ctx, service, g)
	return err
}

func (l *loop) handleLetGone(m letGone) {
	l.holding, l.passing = m.err != nil, false
	if m.err != nil { // the clock tries again
		l.sayWarning("what was held of it", m.err)
	}
}

// takeBack makes the data what they were when the service of g ended for another
// generation, if it did: that has ended first, for good.
func (s *shop) takeBack(ctx context.Context, g *Generation, grace time.Duration) (*Generation, error) {
	if g.Yields == "" {
		return g, nil
	}
	if s.Engine.Check(g.Name()) != nil { // else it has not come to that
		if err := s.quit(ctx, g.Yields, grace); err != nil {
			return g, err
		}
		if err := s.Engine.RestoreData(ctx, g.Service); err != nil {
			return g, err
		}
	}
	next := *g
	next.Yields = ""
	if err := s.record(ctx, &next); err != nil {
		return g, err
	}
	return &next, nil
}

// quit ends the service of a generation. That it has ended, or is gone with its
// container, is no error.
func (s *shop) quit(ctx context.Context, name string, grace time.Duration) error {
	err := s.Engine.Quit(ctx, name, grace)
	exit := (*ExitError)(nil)
	if err == nil || errors.As(err, &exit) || errors.Is(err, ErrStopped) || s.hasEnded(name) {
		return nil
	}
	if e := s.Engine.Stop(ctx, name, 0); e != nil {
		return fmt.Errorf("end the service of %s: %w", name, errors.Join(err, e))
	}
	return nil
}

// hasEnded says whether the container of that name does not run.
func (s *shop) hasEnded(name string) bool {
	exit := (*ExitError)(nil)
	return errors.As(s.Engine.Check(name), &exit) && exit.Stopped
}
