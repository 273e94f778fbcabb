package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/history"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// remember writes down what became of a deploy, and drops the sets that nobody
// can go back to any more.
func (a *agent) remember(e deployer.Event) {
	outcome, told := map[deployer.Kind]history.Outcome{
		deployer.WentLive: history.Live, deployer.Failed: history.Failed, deployer.Back: history.Back,
		deployer.Adopted: history.Live,
	}[e.Kind]
	if !told {
		return
	}
	if e.Kind == deployer.Adopted && slices.Contains(a.page(e.Service).Good(), e.Set) {
		return // it is known, unless an agent ended before it could say so
	}
	var good []string
	keep := map[string]bool{e.Set: true}
	a.amend(e.Service, func(p *history.Page) {
		p.Entries = append(p.Entries, history.Entry{
			Time: time.Now(), Generation: e.Generation, Set: e.Set, Outcome: outcome, Reason: e.Reason, Took: e.Took,
		})
		good = p.Good()
		if p.Pin != nil { // not live yet
			keep[p.Pin.Set] = true
		}
	})
	if outcome == history.Failed || len(good) == 0 { // not known at the moment
		return
	}
	for _, id := range good[max(0, len(good)-a.keepSets):] {
		keep[id] = true
	}
	if err := a.watch.Prune(e.Service, keep); err != nil {
		a.out.Warn(e.Service, err.Error())
	}
}

// amend changes what is remembered of a service. What cannot be written stops
// no deploy.
func (a *agent) amend(service string, do func(*history.Page)) {
	if err := a.write(service, do); err != nil {
		a.out.Warn(service, err.Error())
	}
}

// write changes what is remembered of a service, or fails to.
func (a *agent) write(service string, do func(*history.Page)) error {
	err := a.book.Amend(service, do)
	if errors.Is(err, history.ErrDamaged) {
		a.out.Warn(service, err.Error()+"; it is begun anew")
		return nil
	}
	return err
}

func (a *agent) page(service string) history.Page {
	p, err := a.book.Page(service)
	if err != nil {
		a.out.Warn(service, err.Error())
	}
	return p
}

func (a *agent) noteNewest(service, set string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.newest[service] = set
	delete(a.refused, service)
}

// noteRefused notes why the newest files are no set, or with no reason that they
// are the set that was seen last.
func (a *agent) noteRefused(service, reason string) {
	a.mu.Lock()
	a.refused[service] = reason
	a.mu.Unlock()
	a.withholdAgain(service)
}

// withholdAgain says what is withheld, which a deploy of something else has
// had forgotten.
func (a *agent) withholdAgain(service string) {
	a.deployer.Withhold(service, a.withheld(service, a.newestOf(service)))
}

func (a *agent) refusal(service string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused[service]
}

func (a *agent) newestOf(service string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.newest[service]
}

// withheld says whether the set, the newest on disk, is not to be deployed, since
// it is refused or a person has decided so; no state if not. New bytes end a pin.
func (a *agent) withheld(service, set string) deployer.Newest {
	p, refused := a.page(service), a.refusal(service)
	switch {
	case refused != "":
		return deployer.Newest{State: deployer.Refused, Reason: refused}
	case p.Paused:
		return deployer.Newest{Set: set, State: deployer.Paused, Reason: "jarloop resume " + service + " goes on"}
	case p.Pin == nil:
	case p.Pin.Over == set || set == "": // nothing has been seen yet
		return deployer.Newest{Set: p.Pin.Over, State: deployer.Pinned, Reason: "rolled back to " + console.Short(p.Pin.Set) + " until new bytes come"}
	default:
		a.amend(service, func(p *history.Page) {
			if p.Pin != nil && p.Pin.Over != set {
				p.Pin = nil
			}
		})
	}
	return deployer.Newest{}
}

// withhold tells that a set that was seen is not deployed.
func (a *agent) withhold(service string, n deployer.Newest) {
	a.deployer.Withhold(service, n)
	a.out.Warn(service, fmt.Sprintf("%s not deployed, %s: %s", console.Short(n.Set), n.State, n.Reason))
}

// uphold deploys what a person has gone back to, where that is not live: an
// agent may have ended before it was, or it has been lost since.
func (a *agent) uphold(service string) {
	p := a.page(service)
	live, err := a.liveSet(service)
	if err != nil || p.Pin == nil || live == p.Pin.Set || a.turning(service) {
		return
	}
	if err := a.goBack(service, p.Pin.Set); err != nil {
		a.out.Warn(service, err.Error()+": jarloop deploy "+service+" deploys the newest")
	}
}

// goBack deploys a set that is pinned.
func (a *agent) goBack(service, id string) error {
	set, err := watcher.Load(a.sets, service, id)
	if err == nil {
		a.deployer.Deploy(set, false)
	}
	return err
}

// liveSet gives the ID of the set that is live of a service, "" if none is.
func (a *agent) liveSet(service string) (string, error) {
	for _, s := range a.deployer.Status() {
		if s.Service == service {
			return s.Set, nil
		}
	}
	return "", a.unknown(service)
}

// earlier gives the set that is meant: the newest good one that is not live, or
// the one whose ID begins so.
func earlier(p history.Page, live string, r control.RollbackRequest) (string, error) {
	var found []string
	good := p.Good()
	for i := len(good) - 1; i >= 0; i-- {
		if good[i] != live && strings.HasPrefix(good[i], r.Set) {
			found = append(found, good[i])
		}
	}
	switch {
	case r.Set != "" && live != "" && strings.HasPrefix(live, r.Set) && len(found) == 0:
		return "", mistake("set %s of %s is live already", console.Short(live), r.Service)
	case len(found) == 0 && r.Set == "":
		return "", mistake("there is no earlier set of %s that was live", r.Service)
	case len(found) == 0:
		return "", mistake("no set of %s that was live begins with %q: jarloop history %s shows them", r.Service, r.Set, r.Service)
	case len(found) > 1 && r.Set != "":
		return "", mistake("%q is how %d sets of %s begin: give more of it", r.Set, len(found), r.Service)
	}
	return found[0], nil
}

// Pause makes new artefacts of a service wait, or lets them be deployed again.
func (a *agent) Pause(r control.PauseRequest) error {
	if _, err := a.liveSet(r.Service); err != nil {
		return err
	}
	was := false
	if err := a.write(r.Service, func(p *history.Page) { was, p.Paused = p.Paused, r.Paused }); err != nil {
		return err
	}
	if r.Paused {
		a.withholdAgain(r.Service)
		a.out.Say(r.Service + " is paused: what is built of it waits")
		return nil
	}
	if !was {
		return nil
	}
	a.deployer.Withhold(r.Service, deployer.Newest{})
	a.out.Say(r.Service + " goes on")
	return a.watch.Resend(r.Service)
}
