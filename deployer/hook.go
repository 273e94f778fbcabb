package deployer

import (
	"context"
	"time"
)

// Hook is a command of the host that is to be run for a deploy.
type Hook struct {
	Name       string // before_deploy or after_deploy
	Argv       []string
	Timeout    time.Duration
	Service    string
	Generation string // that is being deployed
	Set        string
	Address    string // of the generation, with its port
	Serving    string // the generation that was live before; empty: none was
}

func hookOf(name string, argv []string, s Service, g, old *Generation, set string) Hook {
	h := Hook{
		Name: name, Argv: argv, Timeout: s.HookTimeout, Service: s.Name, Generation: g.Name(), Set: set, Address: g.target().String(),
	}
	if old != nil {
		h.Serving = old.Name()
	}
	return h
}

// after runs the service's command for a deploy that has gone well, in the
// background: nobody waits for it, and its failure is a warning.
func (l *lane) after(ctx context.Context, g, old *Generation) {
	if len(l.s.After) == 0 {
		return
	}
	h := hookOf("after_deploy", l.s.After, l.s, g, old, g.Set)
	l.background.Go(func() {
		if err := l.d.Hook(ctx, h); err != nil && ctx.Err() == nil {
			l.d.warn(l.s.Name, h.Name+" of "+h.Generation, err)
		}
	})
}
