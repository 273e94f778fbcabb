package deployer

import (
	"context"
	"errors"
	"time"
)

// standbyPause is how long no other attempt is made when one to make a standby
// has failed, unless a deploy goes well. What makes it fail is said once.
const standbyPause = 15 * time.Second

// standbySize is about what a booted guest without its service takes, in bytes.
const standbySize = 32 << 20

// errHurry says that a standby was not begun, since a deploy cannot wait for it,
// and errShort that there is no memory for it.
var (
	errHurry = errors.New("a deploy is to begin")
	errShort = errors.New("memory is short")
)

// makeStandby makes the next generation where something is live and none waits or
// is being made: when nobody waits for a deploy, one at a time. A service without
// artefacts is deployed too seldom for one.
func (l *loop) makeStandby() {
	if !l.Standby || !l.spare || l.gone || l.live == nil || l.standby != nil || l.making != nil || l.attempt != nil ||
		l.service.Backing || l.service.Unready != "" || time.Since(l.noStandby) < standbyPause {
		return
	}
	service, number := l.service, l.nextNumber()
	turn, hurry := context.WithCancelCause(l.ctx)
	l.making = func() { hurry(errHurry) }
	l.task(func(ctx context.Context) message {
		defer hurry(nil)
		if err := l.background.enter(turn); err != nil {
			return standbyMade{err: err}
		}
		defer l.background.leave()
		if free, err := l.Available(); err == nil && free < l.Reserve+standbySize {
			return standbyMade{err: errShort}
		}
		return l.prepareStandby(ctx, service, number)
	})
}

func (l *loop) handleStandbyMade(m standbyMade) {
	l.making = nil
	if l.wanted != nil {
		l.wanted.making = lastSteps(m.steps, time.Since(l.wanted.came))
	}
	if m.g != nil {
		l.number = max(l.number, m.g.Number)
	}
	switch {
	case m.err == nil && (l.gone || !l.service.suits(m.g)): // it was configured otherwise meanwhile
		l.remove(m.g, 0, false)
	case m.err == nil:
		l.noStandby = time.Time{}
		l.standby = m.g
	case errors.Is(m.err, errShort):
		l.spare = false // until the clock says otherwise
	case errors.Is(m.err, errHurry) || l.over():
	default:
		if l.noStandby.IsZero() {
			l.sayWarning("no standby", m.err)
		}
		l.noStandby = time.Now()
		var step *stepError
		if errors.As(m.err, &step) && step.Undo != nil {
			l.removeLater(m.g, step.Undo)
		}
	}
}

// handleGiveUp removes what can be done without while memory is short.
func (l *loop) handleGiveUp(m giveUp) {
	l.spare = false
	for _, g := range []**Generation{&l.failed, &l.standby} {
		if (*g).Name() == m.name {
			l.say(Event{Kind: Warning, Service: l.name, Reason: m.why + ": gave up " + m.name})
			l.drop(g)
		}
	}
}
