package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer"
)

var _ control.Agent = (*agent)(nil)

// Status says how everything is doing.
func (a *agent) Status() control.Status {
	s := a.About()
	s.Services = a.deployer.Status()
	return s
}

// About says how the agent is doing, without its services.
func (a *agent) About() control.Status {
	s := control.Status{
		Version: self.Version(), PID: os.Getpid(), Since: a.started,
		Watching: a.watching, Bases: *a.bases.Load(),
		LeftOut: *a.leftOut.Load(),
	}
	var reasons []string
	for service, reason := range *a.degraded.Load() {
		reasons = append(reasons, strings.TrimPrefix(service+": "+reason, ": "))
	}
	slices.Sort(reasons)
	opened, closed := a.members.status()
	s.MemberPorts = opened
	s.Obstacles = slices.Concat(*a.obstacles.Load(), *a.away.Load(), closed)
	s.Degraded = strings.Join(reasons, "; ")
	return s
}

// Deploy has the services looked at and deployed, and waits.
func (a *agent) Deploy(ctx context.Context, services []string) ([]control.Outcome, error) {
	if len(services) == 0 {
		services = a.deployer.Names()
	}
	if err := a.known(services...); err != nil {
		return nil, err
	}
	var results []<-chan deployer.Result
	for _, name := range services {
		results = append(results, a.deployer.Deploy(name))
	}
	var outcomes []control.Outcome
	for _, result := range results {
		o, err := outcome(ctx, result)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// Rollback deploys an earlier set, which then stays until new bytes come.
func (a *agent) Rollback(ctx context.Context, r control.RollbackRequest) (control.Outcome, error) {
	if err := a.known(r.Service); err != nil {
		return control.Outcome{}, err
	}
	return outcome(ctx, a.deployer.Rollback(r.Service, r.Set))
}

// Pause makes new artefacts of a service wait, or lets them be deployed again.
func (a *agent) Pause(ctx context.Context, r control.PauseRequest) error {
	if err := a.known(r.Service); err != nil {
		return err
	}
	if err := a.deployer.Pause(ctx, r.Service, r.Paused); err != nil {
		return err
	}
	if r.Paused {
		a.out.Say(r.Service + " is paused: what is built of it waits")
	} else {
		a.out.Say(r.Service + " goes on")
	}
	return nil
}

// Restart ends what runs of a service, and starts what was live again.
func (a *agent) Restart(ctx context.Context, r control.RestartRequest) error {
	if err := a.known(r.Service); err != nil {
		return err
	}
	live := func(s *deployer.Status) bool { return s.Service == r.Service && s.Generation != "" }
	if !slices.ContainsFunc(a.deployer.Shown(), live) {
		return control.InputError{Err: fmt.Errorf("nothing of %s is live: jarloop deploy %[1]s starts it", r.Service)}
	}
	a.out.Say(r.Service + " is stopped, and started again")
	return a.deployer.Restart(ctx, r.Service)
}

// ChangeData removes or replaces the data of a service, which is down meanwhile.
func (a *agent) ChangeData(ctx context.Context, r control.DataRequest) error {
	if err := a.known(r.Service); err != nil {
		return err
	}
	if r.Import == "" {
		a.out.Say(r.Service + " is stopped, and its data are removed")
		return a.deployer.WhileDown(ctx, r.Service, func(ctx context.Context) error { return a.engine.RemoveData(ctx, r.Service) })
	}
	archive, err := os.Open(r.Import)
	if err != nil {
		return control.InputError{Err: err}
	}
	defer archive.Close()
	a.out.Say(r.Service + " is stopped, and gets the data in " + r.Import)
	return a.deployer.WhileDown(ctx, r.Service, func(ctx context.Context) error { return a.engine.ImportData(ctx, r.Service, archive) })
}

// outcome waits for a result. A deploy goes on when who asked for it has gone.
func outcome(ctx context.Context, result <-chan deployer.Result) (control.Outcome, error) {
	select {
	case r := <-result:
		if wish := (deployer.WishError{}); errors.As(r.Err, &wish) {
			return control.Outcome{}, control.InputError{Err: wish}
		}
		o := control.Outcome{Service: r.Service, Generation: r.Generation, Set: r.Set, Took: r.Took}
		if r.Err != nil {
			o.Error = r.Err.Error()
		}
		return o, nil
	case <-ctx.Done():
		return control.Outcome{}, context.Cause(ctx)
	}
}

// known says that the agent cares for no service called so: what the one who
// asks has read may not be the configuration that it runs with.
func (a *agent) known(services ...string) error {
	names := a.deployer.Names()
	for _, name := range services {
		if slices.Contains(*a.leftOut.Load(), name) {
			return control.InputError{Err: fmt.Errorf("the agent leaves out %s: it was started for others alone; jarloop run without names brings up all", name)}
		}
		if !slices.Contains(names, name) {
			return control.InputError{Err: fmt.Errorf("the agent has no service %q; it has: %s", name, strings.Join(names, ", "))}
		}
	}
	return nil
}
