package deployer

import (
	"context"
	"errors"
)

// errStopped answers those whose deploy was not made before the agent ended.
var errStopped = errors.New("the agent was stopped")

func newLoop(s *shop, service Service) *loop {
	l := &loop{
		shop: s, name: service.Name, box: newMailbox[message](), ended: make(chan struct{}), service: service, spare: true,
		watched: map[string]bool{}, draining: map[string]*drain{}, removals: map[string]*removal{},
	}
	l.publish()
	return l
}

// run handles messages until ctx ends, or until nothing is left of a service that
// has gone. It returns when all that it has begun has ended.
func (l *loop) run(ctx context.Context) {
	defer close(l.ended)
	l.ctx = ctx
	l.begun()
	for !l.over() && (!l.gone || l.left()) {
		select {
		case <-l.box.news:
			l.handleAll()
		case <-ctx.Done():
		}
	}
	if l.wanted != nil {
		l.answer(l.wanted, Result{Err: errStopped})
	}
	l.dropRetry()
	l.flush()
	for l.tasks > 0 {
		<-l.box.news
		l.handleAll()
	}
	for _, m := range l.box.close() {
		l.refuse(m, errStopped)
	}
	for _, done := range l.asked {
		l.reply(done, Result{Service: l.name, Err: errStopped})
	}
	for _, m := range l.outages {
		l.refuse(m, errStopped)
	}
	l.flush()
	l.finishOutput()
}

// isOver says whether run has returned.
func (l *loop) isOver() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// finishOutput ends the following of all that is left.
func (l *loop) finishOutput() {
	l.live.finish()
	for _, d := range l.draining {
		d.g.finish()
	}
	for _, r := range l.removals {
		r.g.finish()
	}
}

func (l *loop) handleAll() {
	for _, m := range l.box.take() {
		l.handle(m)
		l.advance()
		l.flush()
	}
}

// flush publishes the state, and then tells what has happened.
func (l *loop) flush() {
	l.publish()
	if l.Published != nil {
		l.Published()
	}
	for len(l.after) > 0 {
		all := l.after
		l.after = nil
		for _, do := range all {
			do()
		}
	}
}

// begun takes up what recovery has found.
func (l *loop) begun() {
	var err error
	if l.page, err = l.History.Page(l.name); err != nil {
		l.sayWarning("history not read", err)
	}
	l.starts = remembered(l.page.Start)
	if l.number, err = l.Engine.LastNumber(l.ctx, l.name); err != nil {
		l.sayWarning("earlier generations not counted", err)
	}
	if l.live != nil {
		l.live = l.followed(l.live)
		e := Event{
			Kind: Adopted, Service: l.name, Generation: l.live.Name(), Set: l.live.Set,
			Address: l.live.at(), Reason: l.found,
		}
		l.newest = Newest{Set: l.live.Set}
		if l.down == nil {
			l.say(e)
			l.remember(e)
			l.watchLive()
			l.lookTaken(l.live)
		} else {
			l.restart()
		}
	}
	for _, d := range l.draining {
		l.drainOut(l.followed(d.g), nil)
	}
	for _, r := range l.removals {
		l.tryRemoval(r)
	}
	if l.gone {
		l.retire()
	}
	l.sayDiverted()
	l.passOn()
	if l.service.Backing {
		l.look()
	}
	l.advance()
	l.flush()
}

// advance begins what it is time for.
func (l *loop) advance() {
	switch {
	case l.over() || l.beginOutage():
		return
	case l.holding:
		return
	case l.wanted != nil && l.ending():
		return // what it may hold, such as a lock in a database, it has to let go of first
	case l.wanted != nil && l.attempt == nil && l.making != nil:
		l.making() // what is being made already is what it is deployed into
	case l.wanted != nil && l.attempt == nil:
		l.begin()
	}
	l.makeStandby()
	l.makeArchive()
}

func (l *loop) handle(m message) {
	switch m := m.(type) {
	case filesChanged:
		l.handleChanged()
	case artefacts:
		l.handleArtefacts(m)
	case refused:
		l.handleRefused(m)
	case unsound:
		l.handleUnsound(m)
	case same:
		l.handleSame(m)

	case deployWish:
		l.handleAsked(m)
	case rollbackWish:
		l.handleRollback(m)
	case pauseWish:
		l.handlePause(m)
	case divertWish:
		l.handleDivert(m)
	case vipLeased:
		l.handleVIP(m)
	case configured:
		l.handleConfigured(m)
	case outage:
		l.handleOutage(m)

	case ended:
		l.tasks--
		l.handle(m.report)
	case waits:
		l.handleWaits(m)
	case begins:
		l.handleBegins(m)
	case replaces:
		l.handleReplaces(m)
	case holdEnded:
		l.handleHoldEnded(m)
	case deployEnded:
		l.handleDeployEnded(m)
	case standbyMade:
		l.handleStandbyMade(m)
	case recovered:
		l.handleRecovered(m)
	case exited:
		l.handleExited(m)
	case restartEnded:
		l.handleRestartEnded(m)
	case wentBack:
		l.handleWentBack(m)
	case diverted:
		l.handleDiverted(m)
	case keptDead:
		l.handleKeptDead(m)
	case lost:
		l.handleLost(m)
	case outageEnded:
		l.handleOutageEnded(m)
	case archiveMade:
		l.handleArchiveMade(m)
	case archiveSeen:
		l.handleArchiveSeen(m)
	case drained:
		l.handleDrained(m)
	case removed:
		l.handleRemoved(m)

	case tick:
		l.handleTick(m)
	case giveUp:
		l.handleGiveUp(m)
	case retryHeld:
		l.tryAgain(func(r *retry) bool { return r.held })
	case retryLate:
		l.tryAgain(func(r *retry) bool { return r == m.due })
	}
}

// handleTick tries again what may go well by now.
func (l *loop) handleTick(m tick) {
	l.spare = m.spare
	for _, r := range l.removals {
		l.tryRemoval(r)
	}
	l.tryAgain(func(r *retry) bool { return hasMoreSpace(m.space, r.before) })
	l.passOn()
	if l.failed != nil && l.hasEnded(l.failed.Name()) {
		l.drop(&l.failed) // there is nothing to be looked into any more
	}
}

// handleRecovered takes up what has become of that. Where something else has gone
// live meanwhile, only a generation that was taken out of its drain counts.
func (l *loop) handleRecovered(m recovered) {
	if l.recovery == m.by {
		l.recovery = nil
	} else {
		switch m.report.(type) {
		case wentBack, outageEnded:
		default:
			return
		}
	}
	l.handle(m.report)
}
