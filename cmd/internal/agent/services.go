package agent

import (
	"slices"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/notify"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

func watchOptions(c *config.Config) watcher.Options {
	return watcher.Options{
		Root: c.Watch.Dir, Mode: watcher.Mode(c.Watch.Mode), Poll: c.Watch.Poll.Duration,
		Store:  folders.Sets(c),
		Settle: max(c.Watch.Settle.Duration, time.Millisecond), // 0 would be the watcher's own default
	}
}

func watchServices(c *config.Config) []watcher.Service {
	var all []watcher.Service
	for _, s := range c.Services {
		if !s.Artefacts {
			continue
		}
		w := watcher.Service{Name: s.Name, Dir: s.Source, Files: s.Files, Ignore: slices.Concat(s.Ignore, c.Settings(&s))}
		w.Runs, w.Parts = c.Runs(s.Name)
		all = append(all, w)
	}
	return all
}

// deployServices gives the services as a deploy sees them; containers are those
// of the bases, by name.
func deployServices(c *config.Config, containers map[string]string) []deployer.Service {
	var all []deployer.Service
	for _, name := range c.Order() {
		s := c.Service(name)
		needs, knows := c.Names(s)
		runs, _ := c.Runs(name)
		all = append(all, deployer.Service{
			Name: s.Name, Base: containers[s.Base], Target: s.Target, Exec: s.Exec, Runs: runs, Plain: !s.FastStart, Port: uint16(s.Port), Worker: s.Worker(),
			Env: s.Environment, Unready: s.Unready, Memory: int64(s.Memory), CPUs: s.CPUs.Number(), Backing: !s.Artefacts,
			Needs: needs, Knows: knows,
			Logs: s.Logs, Health: s.Health.Proof(),
			Drain: s.Drain.Duration, StopTimeout: s.StopTimeout.Duration, ReloadCommand: s.ReloadCommand, Debug: uint16(s.Debug),
			Before: s.BeforeDeploy, After: s.AfterDeploy, HookTimeout: s.HookTimeout.Duration,
			Data: s.Data, Replace: deployer.Replace(s.Replace),
		})
	}
	return all
}

func notifyOptions(c *config.Config) notify.Options {
	return notify.Options{
		Command: c.Notify.Command, Webhook: c.Notify.Webhook, Events: c.Notify.Events, Timeout: c.Notify.Timeout.Duration,
	}
}
