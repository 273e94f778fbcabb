package deployer

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"

	"github.com/jarloop/jarloop/deployer/history"
)

// handleRollback deploys an earlier set, which then stays until new bytes come.
func (l *loop) handleRollback(m rollbackWish) {
	name := l.name
	refuse := func(err error) { l.refuse(m, err) }
	if l.gone {
		refuse(errGone)
		return
	}
	if l.service.Unready != "" {
		refuse(l.unready())
		return
	}
	if l.service.Backing {
		refuse(wrong("%s has no artefacts, and so no earlier ones to go back to; its configuration says what is live", name))
		return
	}
	live := ""
	if l.live != nil {
		live = l.live.Set
	}
	id, err := earlier(name, l.page, live, m.prefix)
	if err != nil {
		refuse(err)
		return
	}
	set, err := l.Sets.Load(name, id)
	if errors.Is(err, fs.ErrNotExist) {
		err = wrong("set %s of %s is not kept any more: jarloop history %s shows which are", short(id), name, name)
	}
	if err != nil {
		refuse(err)
		return
	}
	over := l.seen.ID
	if over == "" {
		over = live
	}
	pin := &history.Pin{Set: id, Over: over}
	if id == over {
		pin = nil
	}
	r := &request{set: set, force: true, done: []chan<- Result{m.done}, pins: true, pin: pin, revert: l.decided()}
	// An agent that ends in between must not undo it.
	if err := l.write(func(p *history.Page) { p.Pin = pin }); err != nil {
		refuse(err)
		return
	}
	l.want(r)
}

// earlier gives the set that is meant: the newest good one that is not live, or
// the one whose ID begins so.
func earlier(service string, p history.Page, live, prefix string) (string, error) {
	var found []string
	good := p.Good()
	for i := len(good) - 1; i >= 0; i-- {
		if good[i] != live && strings.HasPrefix(good[i], prefix) {
			found = append(found, good[i])
		}
	}
	switch {
	case prefix != "" && live != "" && strings.HasPrefix(live, prefix) && len(found) == 0:
		return "", wrong("set %s of %s is live already", short(live), service)
	case len(found) == 0 && prefix == "":
		return "", wrong("there is no earlier set of %s that was live", service)
	case len(found) == 0:
		return "", wrong("no set of %s that was live begins with %q: jarloop history %s shows them", service, prefix, service)
	case len(found) > 1 && prefix != "":
		return "", wrong("%q is how %d sets of %s begin: give more of it", prefix, len(found), service)
	}
	return found[0], nil
}

// handlePause makes new artefacts wait, or lets them be deployed again.
func (l *loop) handlePause(m pauseWish) {
	was := l.page.Paused
	err := l.write(func(p *history.Page) { p.Paused = m.paused })
	if err == nil && was && !m.paused {
		l.tryAgain(func(*retry) bool { return true })
		l.look()
	}
	l.after = append(l.after, func() { m.done <- err })
}

// handleConfigured takes up what the service is to be now. What is under way of
// it is undone, and made anew; what is live serves on.
func (l *loop) handleConfigured(m configured) {
	again := false
	defer func() { l.after = append(l.after, func() { m.again <- again }) }()
	if m.gone {
		l.gone = true
		l.retire()
		return
	}
	if reflect.DeepEqual(l.service, m.service) {
		return
	}
	waited := l.service.Unready != ""
	l.service = m.service
	if l.attempt != nil {
		l.attempt.cancel(errOther)
	}
	if l.service.Unready != "" && l.wanted != nil {
		l.answer(l.wanted, Result{Err: l.unready()})
		l.wanted = nil
	}
	if l.standby != nil && !m.service.suits(l.standby) {
		l.drop(&l.standby)
	}
	again = waited || l.newest.State != "" || l.live != nil && !m.service.fits(l.live)
	if again && l.service.Backing {
		again = false
		l.look()
	}
}

// handleVIP writes into the records which virtual IP the service has got, so that
// the next agent knows. What is under way of it would not.
func (l *loop) handleVIP(m vipLeased) {
	l.vip = m.vip
	if l.attempt != nil {
		l.attempt.cancel(errOther)
	}
	l.noteVIP(func() { close(m.done) })
}

// retire has all of the service go: what is live finishes what it is doing.
func (l *loop) retire() {
	if l.attempt != nil {
		l.attempt.cancel(errGone)
	}
	if l.wanted != nil {
		l.answer(l.wanted, Result{Err: errGone})
	}
	for _, done := range l.asked {
		l.reply(done, Result{Service: l.name, Err: errGone})
	}
	l.dropRetry()
	l.wanted, l.asked = nil, nil
	l.settled(nil)
	l.drop(&l.failed)
	l.drop(&l.standby)
	if l.making != nil {
		l.making()
	}
	l.retireLive()
}
