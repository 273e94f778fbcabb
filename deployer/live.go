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
