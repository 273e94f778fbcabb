package deployer

import (
	"context"
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
	l.replaced, l.holding = false, m.before.left
	if m.err == nil || l.live == nil || l.over() {
		return
	}
	if m.before.old.Name() == l.live.Name() {
		l.live = m.before.old
	}
	if l.Engine.Check(l.live.Name()) == nil {
		l.down = nil
	}
	l.watchLive()
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
		for live != nil && l.serves(short, service, live) != nil && Pause(short, repairEvery/40) == nil {
		}
		_, err := l.endHold(context.WithoutCancel(ctx), l.name)
		return holdEnded{err}
	})
}

func (l *loop) handleHoldEnded(m holdEnded) {
	l.holding, l.passing = m.err != nil, false
	if m.err != nil { // the clock tries again
		l.sayWarning("what was held of it", m.err)
	}
}
