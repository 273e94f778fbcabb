package deployer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/jarloop/jarloop/deployer/history"
)

// Divert has names and ports of a service lead to a program outside of all
// containers, as to one in which a person looks for a fault; the zero address, to
// what is live again. Deploys go on meanwhile: what is built last serves at once
// when that is over. It stays so over restarts of the agent.
func (d *Deployer) Divert(ctx context.Context, service string, to netip.AddrPort) error {
	return d.wish(ctx, service, func(done chan<- error) message { return divertWish{to, done} })
}

// wish sends what a person wants to a service's loop, and waits for the answer.
func (d *Deployer) wish(ctx context.Context, service string, m func(done chan<- error) message) error {
	done := make(chan error, 1)
	if !d.send(service, m(done)) {
		return errGone
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

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

// divert makes names and ports of a service lead to an address, whatever is live;
// the zero address: to what is live.
func (r *routing) divert(ctx context.Context, service string, to netip.AddrPort) (err error) {
	undone := r.do(ctx, func() {
		was := r.diverted[service]
		r.noteDiverted(service, to)
		if err = r.apply(ctx); err != nil {
			r.noteDiverted(service, was)
		}
		r.show()
	})
	return errors.Join(err, undone)
}

func (r *routing) noteDiverted(service string, to netip.AddrPort) {
	if to.IsValid() {
		r.diverted[service] = to
	} else {
		delete(r.diverted, service)
	}
}

// divertAll has routes lead to where services are diverted to.
func (r *routing) divertAll(routes *Routes) {
	for service, to := range r.diverted {
		s, cared := r.services[service]
		if !cared {
			continue
		}
		if s.Port == 0 {
			s.Port = routes.Targets[service].Port()
		}
		routes.Ports[service], routes.Targets[service] = s.Port, to
		delete(routes.Held, service)
	}
}
