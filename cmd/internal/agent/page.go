package agent

import (
	"context"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/cmd/internal/page"
	"github.com/jarloop/jarloop/deployer"
)

var _ page.Agent = (*agent)(nil)

// openPage makes the page of the agent, and has it see what is told.
func (a *agent) openPage(c *config.Config) (err error) {
	a.page, err = page.New(page.Options{
		Agent: a, System: page.SystemOf(c, *a.ports.Load()),
		Folders: page.Folders{
			Token: folders.PageToken(c), History: folders.History(c), Sets: folders.Sets(c), Logs: folders.Logs(c),
		},
		Record: machine.Records(c),
		Say:    a.out.Say, Warn: a.out.Complain, Asked: a.out.Asked, Secret: a.out.ForPerson(),
	})
	if err == nil {
		a.out.Tap(a.page.Tell)
	}
	return err
}

// line shows what a service prints.
func (a *agent) line(l deployer.Line) {
	a.out.Line(l)
	a.page.Line(l)
}

// Shown gives the status of each service as it was published last.
func (a *agent) Shown() []*deployer.Status { return a.deployer.Shown() }

// Memory measures what is held by what is live, by service; what is available of the
// machine's has no name.
func (a *agent) Memory() map[string]int64 {
	all := map[string]int64{}
	for _, s := range a.deployer.Status() {
		if s.Memory > 0 {
			all[s.Service] = s.Memory
		}
	}
	if available, err := a.deployer.Available(); err == nil {
		all[""] = available
	}
	return all
}

// Page says where the page is, or has it want another token.
func (a *agent) Page(_ context.Context, r control.PageRequest) (control.Page, error) {
	return a.page.Address(r.Renew)
}
