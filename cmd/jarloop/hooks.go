package main

import (
	"context"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/notify"
	"github.com/jarloop/jarloop/deployer"
)

func notifyOptions(c *config.Config) notify.Options {
	return notify.Options{
		Command: c.Notify.Command, Webhook: c.Notify.Webhook, Events: c.Notify.Events, Timeout: c.Notify.Timeout.Duration,
	}
}

// hook runs a command for a deploy and shows what it prints among the lines of the
// service.
func (a *agent) hook(ctx context.Context, h deployer.Hook) error {
	e := notify.Event{
		Event: h.Name, Time: time.Now(), Service: h.Service, Generation: h.Generation, Set: h.Set, Address: h.Address, Serving: h.Serving,
	}
	return notify.Run(ctx, h.Argv, h.Timeout, e, func(text string) {
		a.out.Line(deployer.Line{Service: h.Service, Generation: h.Generation, File: h.Name, Text: text})
	})
}
