package deployer

import "context"

// setLive notes what is live now, and gives what was. What was being done to
// bring that back ends; it has ended when the channel is closed.
func (l *loop) setLive(g *Generation) (old *Generation, over <-chan struct{}) {
	old = l.live
	if l.recovery != nil {
		l.recovery.cancel()
		over = l.recovery.done
	}
	l.live, l.down, l.restarted, l.recovery = g, nil, 0, nil
	if !l.over() {
		l.watchLive()
	}
	return old, over
}

// watchLive waits for the end of what is live.
func (l *loop) watchLive() {
	name := l.live.Name()
	if l.live == nil || l.watched[name] {
		return
	}
	l.watched[name] = true
	l.task(func(ctx context.Context) message {
		return exited{name, l.Engine.Wait(ctx, name)}
	})
}

// followed gives a generation whose output is followed from now on.
func (l *loop) followed(g *Generation) *Generation {
	next := *g
	next.output = l.follow(l.service, g)
	return &next
}

func (l *loop) noteVIP(then func()) {
	var all []*Generation
	for _, g := range []**Generation{&l.live, &l.standby} {
		if *g != nil && (*g).VIP != l.vip {
			next := **g
			next.VIP, *g = l.vip, &next
			all = append(all, &next)
		}
	}
	l.task(func(ctx context.Context) message {
		for _, g := range all {
			l.noted(ctx, g)
		}
		then()
		return nil
	})
}

// retireLive has what is live finish what it is doing, where names and ports lead
// to it no longer.
func (l *loop) retireLive() {
	old, over := l.setLive(nil)
	l.drainOut(old, over)
}
