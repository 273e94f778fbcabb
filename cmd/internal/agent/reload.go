package agent

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/checkup"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/page"
	"github.com/jarloop/jarloop/watcher"
)

// reloader takes up what is written into the configuration while the agent runs.
type reloader struct {
	agent   *agent
	now     *config.Config // what the agent runs with
	refused bool           // the file as it is now
	restart []string       // keys that wait for a restart, and were told
}

// changed is told that the file has become another one.
func (r *reloader) changed(ctx context.Context, c *config.Config, err error) {
	was := r.refused
	if err == nil {
		err = r.take(ctx, c, was)
	}
	if r.refused = err != nil && ctx.Err() == nil; r.refused {
		r.agent.out.Refused("", config.FirstLine(err)+"; the configuration from before stays")
	}
}

// take makes c what the agent runs with, as far as that can be done while it
// runs. After an error it is what it was.
func (r *reloader) take(ctx context.Context, c *config.Config, repaired bool) error {
	live, restart := c.Live(r.now)
	if len(restart) > 0 && !slices.Equal(restart, r.restart) {
		r.agent.out.Complain("restart jarloop run for: " + strings.Join(restart, ", "))
	}
	r.restart = restart
	if reflect.DeepEqual(live, r.now) {
		if repaired {
			r.agent.out.Say("the configuration is in order again")
		}
		return nil
	}
	again, err := r.apply(ctx, live)
	if err != nil {
		return err
	}
	r.agent.out.Say("took up the configuration: " + differences(r.now, live))
	for _, s := range r.now.Services {
		if live.Service(s.Name) == nil {
			r.agent.note(s.Name, "")
		}
	}
	r.agent.tellUnready(live, r.now)
	r.agent.notify.Set(notifyOptions(live))
	r.agent.page.Configure(page.SystemOf(live, *r.agent.ports.Load()))
	r.now = live
	for _, service := range again {
		r.agent.look(service)
	}
	return nil
}

// apply does what is different, and gives the services to deploy again.
func (r *reloader) apply(ctx context.Context, c *config.Config) (again []string, err error) {
	if err := watcher.Check(watchServices(c)); err != nil {
		return nil, err
	}
	if err := doctor.Preflight(ctx, checkup.Machine(c), r.agent.out.Complain); err != nil {
		return nil, err
	}
	containers, err := bases.Provision(ctx, c, nil, r.agent.out)
	if err == nil {
		err = folders.LetPass(c)
	}
	if err != nil {
		return nil, err
	}
	again, err = r.agent.deployer.Configure(ctx, deployServices(c, containers), r.agent.publish(c))
	if err != nil {
		return nil, err
	}
	r.agent.external.take(ctx, c.Externals)
	r.agent.leftOut.Store(&c.LeftOut)
	r.agent.firewall.changed()
	r.agent.members.configure(c)
	r.agent.setBases(containers)
	// After the deployer, which has to know the services that it hears of.
	return again, r.agent.watch.Reconfigure(ctx, watchServices(c))
}

// differences says in few words what one configuration has otherwise than the
// one before.
func differences(before, now *config.Config) string {
	var parts []string
	say := func(what string, names []string) {
		if len(names) > 0 {
			parts = append(parts, strings.Join(names, ", ")+" "+what)
		}
	}
	var fresh, other, gone []string
	for _, s := range now.Services {
		switch was := before.Service(s.Name); {
		case was == nil:
			fresh = append(fresh, s.Name)
		case !reflect.DeepEqual(*was, s):
			other = append(other, s.Name)
		}
	}
	for _, s := range before.Services {
		if now.Service(s.Name) == nil {
			gone = append(gone, s.Name)
		}
	}
	say("changed", other)
	say("new", fresh)
	say("gone", gone)
	if !reflect.DeepEqual(before.Bases, now.Bases) {
		parts = append(parts, "bases changed")
	}
	if !reflect.DeepEqual(before.Externals, now.Externals) {
		parts = append(parts, "external names changed")
	}
	if !reflect.DeepEqual(before.Publishes, now.Publishes) {
		parts = append(parts, "published ports changed")
	}
	if !reflect.DeepEqual(before.Notify, now.Notify) {
		parts = append(parts, "notify changed")
	}
	if before.Page != now.Page {
		parts = append(parts, "page changed")
	}
	if len(parts) == 0 {
		return "another order"
	}
	return strings.Join(parts, "; ")
}
