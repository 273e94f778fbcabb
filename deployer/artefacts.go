package deployer

import (
	"errors"
	"fmt"

	"github.com/jarloop/jarloop/deployer/history"
)

// handleArtefacts decides what becomes of a set that is complete.
func (l *loop) handleArtefacts(m artefacts) {
	l.seen, l.refused, l.missing = m.set, "", false
	asked := l.asked
	l.asked = nil
	held := l.withheld()
	switch {
	case len(asked) > 0:
		l.wantAsked(asked)
	case l.service.Unready != "":
		l.sayWithheld(held)
	case held.State == Pinned:
		l.sayWithheld(held)
		l.enforcePin()
	case held.State != "":
		l.sayWithheld(held)
	default:
		if l.page.Pin != nil { // new bytes end it
			l.amend(func(p *history.Page) { p.Pin = nil })
		}
		l.want(&request{set: m.set, seen: m.set.Seen})
	}
	l.settled(nil)
}

// handleAsked has the newest set looked at, for who waits for what becomes of it.
func (l *loop) handleAsked(m deployWish) {
	switch {
	case l.gone:
		l.refuse(m, errGone)
		return
	case l.service.Unready != "":
		l.refuse(m, l.unready())
		return
	}
	l.asked = append(l.asked, m.done)
	l.look()
}

// wantAsked deploys the newest set for those who wait for it, which ends a pin.
func (l *loop) wantAsked(asked []chan<- Result) {
	r := &request{set: l.seen, force: true, done: asked}
	if l.page.Pin != nil {
		r.pins, r.revert = true, l.decided()
		l.amend(func(p *history.Page) { p.Pin = nil })
	}
	l.want(r)
}

// handleRefused notes that what there is cannot be deployed.
func (l *loop) handleRefused(m refused) {
	why := errors.New(m.reason)
	if !m.broken {
		l.refused, l.missing = m.reason, m.missing
		why = fmt.Errorf("refused: %s", m.reason)
		for _, done := range l.asked {
			l.reply(done, Result{Service: l.name, Err: why})
		}
		l.asked = nil
	}
	if m.missing {
		why = nil // not built is not a failure of the build
	}
	l.settled(why)
}

// handleSame notes that nothing new has come.
func (l *loop) handleSame(m same) {
	l.refused, l.missing = m.refused, false
	l.settled(nil)
}

// handleChanged notes that files are awaited.
func (l *loop) handleChanged() {
	if !l.changing && !l.gone {
		l.changing = true
		l.batch.begin(l.ctx, l.name, false)
	}
}

// settled says that a change has come to its end.
func (l *loop) settled(why error) {
	if l.changing {
		l.changing = false
		l.batch.end(l.ctx, l.name, why)
	}
}

func (l *loop) sayWithheld(n Newest) {
	l.say(Event{
		Kind: Warning, Service: l.name, Reason: fmt.Sprintf("%s not deployed, %s: %s", short(n.Set), n.State, n.Reason),
	})
}

// enforcePin deploys what a person has gone back to, where that is not live: an
// agent may have ended before it was, or it has been lost since.
func (l *loop) enforcePin() {
	pin := l.page.Pin
	if pin == nil || l.pinning() != nil || l.live != nil && l.live.Set == pin.Set && l.service.fits(l.live) {
		return
	}
	set, err := l.Sets.Load(l.name, pin.Set)
	if err != nil {
		l.sayWarning("jarloop deploy "+l.name+" deploys the newest", err)
		return
	}
	l.want(&request{set: set})
}
