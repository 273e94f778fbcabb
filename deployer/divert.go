package deployer

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/jarloop/jarloop/deployer/history"
)

func (l *loop) handleDivert(m divertWish) {
	port := l.service.Port
	if port == 0 && l.live != nil {
		port = l.live.Port
	}
	switch {
	case l.gone:
		l.refuse(m, errGone)
		return
	case l.diverting:
		l.refuse(m, wrong("%s is being diverted already: try again", l.name))
		return
	case m.to.IsValid() && !l.VIPs && m.to.Port() != port:
		l.refuse(m, wrong(`with lxc.names = "hosts" callers of %s come to port %d, whatever the address: have the program listen on %s`,
			l.name, port, netip.AddrPortFrom(m.to.Addr(), port)))
		return
	}
	was := l.page.Divert
	if err := l.write(func(p *history.Page) { p.Divert = m.to }); err != nil { // the next agent has to know
		l.refuse(m, err)
		return
	}
	l.diverting = true
	l.task(func(ctx context.Context) message {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), switchTime)
		defer cancel()
		err := l.routing.divert(ctx, l.name, m.to)
		if err == nil {
			if e := l.reload(ctx); e != nil {
				l.warn(l.name, "names of those that call it", e)
			}
		}
		return diverted{was, m.done, err}
	})
}

// handleDiverted takes up that names and ports have moved, or have not.
func (l *loop) handleDiverted(m diverted) {
	l.diverting = false
	if m.err != nil {
		l.amend(func(p *history.Page) { p.Divert = m.was })
	}
	l.after = append(l.after, func() { m.done <- m.err })
}

// sayDiverted tells that what is live is not what answers.
func (l *loop) sayDiverted() {
	if to := l.page.Divert; to.IsValid() && !l.gone {
		l.say(Event{Kind: Warning, Service: l.name, Reason: fmt.Sprintf("diverted: names and ports lead to %s until jarloop divert %s --off", to, l.name)})
	}
}
