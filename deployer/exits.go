package deployer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// restartsPerMinute bounds how often an ended service is started again.
const restartsPerMinute = 10

// handleExited does what can be done about the end of a service that is live: the
// generation that was live before takes over while it is still there, else the
// service is started again. One whose container somebody has removed is given up.
func (l *loop) handleExited(m exited) {
	delete(l.watched, m.name)
	if l.over() || l.live == nil || l.live.Name() != m.name || l.recovery != nil || l.replaced {
		return
	}
	why := l.Engine.Check(m.name)
	if why == nil { // it has come back meanwhile, by somebody's hand
		l.down = nil
		l.watchLive()
		return
	}
	g := l.live
	tail := l.Engine.Tail(g.Name())
	l.down = errors.New(explained(l.service, why, tail))
	l.say(Event{
		Kind: Died, Service: l.name, Generation: g.Name(), Set: g.Set,
		Reason: l.down.Error(), Tail: tail,
	})
	var exit *ExitError
	errors.As(why, &exit)
	switch old := l.rollbackTarget(); {
	case old != nil:
		l.recovering(func(ctx context.Context) message {
			<-old.done
			next, err := l.goBack(ctx, g, old.g)
			return wentBack{from: g, old: old.g, to: next, why: why, err: err}
		})
	case exit != nil && exit.Gone:
		l.giveUpLive()
	default:
		l.restart()
	}
}

// recovering has a task bring back what is live. One that goes live meanwhile
// ends it. The names of a container that has ended are not kept true meanwhile.
func (l *loop) recovering(do func(context.Context) message) {
	ctx, cancel := context.WithCancel(l.ctx)
	done := make(chan struct{})
	r := &ending{cancel, done}
	l.recovery = r
	name := l.live.Name()
	l.task(func(context.Context) message {
		defer close(done)
		defer cancel()
		if l.hasEnded(name) {
			l.routing.leave(ctx, name)
		}
		return recovered{r, do(ctx)}
	})
}

// rollbackTarget takes out of the drain what was live last of all that still
// runs, or gives nil.
func (l *loop) rollbackTarget() *drain {
	var target *drain
	for _, d := range l.draining {
		if l.Engine.Check(d.g.Name()) == nil && (target == nil || d.g.later(target.g)) {
			target = d
		}
	}
	if target == nil {
		return nil
	}
	delete(l.draining, target.g.Name())
	target.cancel()
	return target
}

// handleWentBack takes up that the generation before is live again.
func (l *loop) handleWentBack(m wentBack) {
	if m.err != nil {
		l.drainOut(m.old, nil)
		if !errors.Is(m.err, errMoved) {
			l.sayWarning("cannot go back to "+m.old.Name(), m.err)
			l.restart()
		}
		return
	}
	if !m.to.later(l.live) { // this is known late
		l.drainOut(m.to, nil)
		return
	}
	l.setLive(m.to)
	l.newest = Newest{Set: m.from.Set, State: Broken, Reason: oneLine(m.why) + " after it had gone live"}
	e := Event{
		Kind: Back, Service: l.name, Generation: m.to.Name(), Set: m.to.Set,
		Reason: m.from.Name() + ": " + oneLine(m.why),
	}
	l.say(e)
	l.remember(e)
	l.keepDead(m.from)
	if l.gone {
		l.retireLive()
	}
}

// keepDead keeps what has died to be looked into, or removes it.
func (l *loop) keepDead(g *Generation) {
	if !l.KeepFailed {
		l.remove(g, 0, false)
		return
	}
	l.task(func(ctx context.Context) message {
		ctx = context.WithoutCancel(ctx)
		err := l.Engine.Quit(ctx, g.Name(), 0)
		if err == nil {
			var kept *Generation
			if kept, err = l.keep(ctx, g); err == nil {
				return keptDead{kept, nil}
			}
		}
		return keptDead{g, err}
	})
}

func (l *loop) handleKeptDead(m keptDead) {
	if m.err != nil {
		l.remove(m.g, 0, false)
		return
	}
	l.drop(&l.failed)
	l.failed = m.g
}

// restart starts the ended service of what is live again, with a pause where that
// has been done before.
func (l *loop) restart() {
	if l.over() || l.live == nil || l.replaced {
		return
	}
	g := l.live
	l.restarts = slices.DeleteFunc(l.restarts, func(t time.Time) bool { return time.Since(t) >= time.Minute })
	count := len(l.restarts)
	l.restarts = append(l.restarts, time.Now())
	l.recovering(func(ctx context.Context) message {
		if count > 0 {
			if err := Pause(ctx, time.Minute/restartsPerMinute); err != nil {
				return restartEnded{g, count, err}
			}
		}
		next, err := l.relaunch(ctx, g, 0)
		return restartEnded{next, count + 1, err}
	})
}

func (l *loop) handleRestartEnded(m restartEnded) {
	if l.over() || l.replaced && m.err != nil {
		return
	}
	if m.err != nil {
		exit := (*ExitError)(nil)
		if errors.As(l.Engine.Check(m.g.Name()), &exit) && exit.Gone {
			l.giveUpLive()
			return
		}
		l.sayWarning("cannot start "+m.g.Name()+" again", m.err)
		l.restart()
		return
	}
	l.live, l.down = m.g, nil
	l.restarted++
	l.say(Event{
		Kind: Restarted, Service: l.name, Generation: m.g.Name(), Set: m.g.Set,
		Reason: fmt.Sprintf("start %d within a minute", m.count),
	})
	l.watchLive()
}

// giveUpLive has nothing be live, since nothing is left of what was.
func (l *loop) giveUpLive() {
	g := l.live
	l.recovering(func(ctx context.Context) message {
		_, _, err := l.routing.set(context.WithoutCancel(ctx), move{service: g.Service, from: g})
		return lost{g, err}
	})
}

// handleLost has the newest artefacts deployed in the place of what is lost.
func (l *loop) handleLost(m lost) {
	if m.err != nil {
		l.sayWarning("what led to "+m.g.Name(), m.err)
		l.restart() // which fails, and leads here again
		return
	}
	l.live, l.down, l.newest = nil, nil, Newest{}
	l.remove(m.g, 0, false)
	l.look()
}
