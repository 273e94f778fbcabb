package agent

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/cmd/internal/notify"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/logs"
	"github.com/jarloop/jarloop/watcher"
)

// seen hands on what the watcher sees, one event at a time.
func (a *agent) seen(_ context.Context, e watcher.Event) {
	switch e.Kind {
	case watcher.Changed:
		a.deployer.Changed(e.Service)
	case watcher.Ready:
		if len(e.Changes) > 0 {
			a.out.Changed(e.Service, changes(e.Changes))
		}
		if e.Reason != "" {
			a.out.Say(e.Service + ": " + e.Reason)
		}
		a.deployer.Artefacts(e.Set)
	case watcher.Unsound:
		a.deployer.Unsound(e.Set)
	case watcher.Refused:
		a.deployer.Refuse(e.Service, e.Reason, false)
		a.out.Refused(e.Service, e.Reason)
		a.notify.Tell(notify.Event{Event: notify.Refused, Time: time.Now(), Service: e.Service, Reason: e.Reason})
	case watcher.Missing:
		a.deployer.Miss(e.Service, e.Reason)
		if e.Reason != "" {
			a.out.Missing(e.Service, e.Reason)
		}
	case watcher.Same:
		a.deployer.Same(e.Service, e.Reason)
		a.out.Same(e.Service, e.Reason)
	case watcher.Degraded:
		a.deployer.Refuse(e.Service, e.Reason, true) // it may last
		a.note(e.Service, e.Reason)
		a.out.Warn(e.Service, e.Reason)
	case watcher.Restored:
		a.note(e.Service, "")
		a.out.Say(strings.TrimSpace(e.Service + " is watched again"))
	}
}

// tellUnready shows which services are held back since their settings cannot be read,
// where that was not so before.
func (a *agent) tellUnready(now, before *config.Config) {
	for _, s := range now.Services {
		if was := before.Service(s.Name); s.Unready == "" || was != nil && was.Unready == s.Unready {
			continue
		}
		a.out.Refused(s.Name, s.Unready)
		a.notify.Tell(notify.Event{Event: notify.Refused, Time: time.Now(), Service: s.Name, Reason: s.Unready})
	}
}

// note notes why changes of a service may be missed; an empty reason: they are
// not.
func (a *agent) note(service, reason string) {
	next := maps.Clone(*a.degraded.Load())
	if reason == "" {
		delete(next, service)
	} else {
		next[service] = reason
	}
	a.degraded.Store(&next)
}

// look has the newest artefacts of a service seen once more.
func (a *agent) look(service string) {
	if err := a.watch.Resend(service); err != nil {
		a.out.Warn(service, err.Error())
	}
}

// tell shows what becomes of deploys, and tells those who want to know.
func (a *agent) tell(e deployer.Event) {
	a.out.Event(e)
	a.notify.Tell(notify.Of(e))
	if e.Kind == deployer.WentLive || e.Kind == deployer.Adopted {
		a.firewall.changed()
	}
}

// hook runs a command for a deploy and shows what it prints among the lines of the
// service.
func (a *agent) hook(ctx context.Context, h deployer.Hook) error {
	e := notify.Event{
		Event: h.Name, Time: time.Now(), Service: h.Service, Generation: h.Generation, Set: h.Set, Address: h.Address, Serving: h.Serving,
	}
	return notify.Run(ctx, h.Argv, h.Timeout, e, func(text string) {
		text, coloured := logs.Clean(text)
		a.line(deployer.Line{Service: h.Service, Generation: h.Generation, File: h.Name, Text: text, Coloured: coloured})
	})
}

// changes is what has changed, in few words.
func changes(list []watcher.Change) string {
	const most = 3
	var parts []string
	for _, c := range list[:min(most, len(list))] {
		parts = append(parts, fmt.Sprintf("%s (%s)", c.Name, console.Size(c.Size)))
	}
	if more := len(list) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// noteAway says that nothing can be done in the cluster, and why, or that it can again.
func (a *agent) noteAway(c *config.Config, err error) {
	if err == nil {
		a.away.Store(&[]string{})
		a.out.Say("the cluster lets this agent work again")
		return
	}
	text := machine.Away(c, err)
	a.away.Store(&[]string{text})
	a.out.Complain(text)
}
