package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/jarloop/jarloop/deployer"
)

// Event shows how a deploy goes.
func (c *Console) Event(e deployer.Event) {
	if c.person {
		c.event(e)
		return
	}
	level := zerolog.InfoLevel
	switch e.Kind {
	case deployer.Failed, deployer.Died:
		level = zerolog.ErrorLevel
	case deployer.Warning, deployer.Back, deployer.Repaired:
		level = zerolog.WarnLevel
	}
	l := with(c.log.WithLevel(level),
		field{"service", e.Service}, field{"generation", e.Generation}, field{"set", e.Set}, field{"address", e.Address},
		field{"step", e.Step}, field{"reason", e.Reason}, field{"serving", e.Serving})
	if e.Took > 0 {
		l = l.Dur("took_ms", e.Took)
	}
	if len(e.Steps) > 0 {
		steps := zerolog.Dict()
		for _, s := range e.Steps {
			steps = steps.Dur(s.Name, s.Took)
		}
		l = l.Dict("steps_ms", steps)
	}
	if len(e.Tail) > 0 {
		l = l.Strs("tail", e.Tail)
	}
	l.Msg(string(e.Kind))
}

// event shows it to a person.
func (c *Console) event(e deployer.Event) {
	e.Reason = plain(e.Reason)
	switch e.Kind {
	case deployer.WentLive:
		c.line(e.Service, green, "live", strings.TrimRight(fmt.Sprintf("%s  %s  %s  %s%s  %s",
			e.Generation, Short(e.Set), e.Address, seconds(e.Took), slowest(e.Steps), e.Reason), " "))
	case deployer.Failed:
		serving := "nothing serves"
		if e.Serving != "" {
			serving = e.Serving + " still serves"
		}
		c.line(e.Service, red, "FAILED", fmt.Sprintf("%s  %s  %s", Short(e.Set), e.Reason, c.paint(amber, "("+serving+")")), clean(c.unseen(e))...)
		if e.Kept && c.hint() {
			c.line(e.Service, dim, "kept", fmt.Sprintf("%s  jarloop enter %s --failed looks inside", e.Generation, e.Service))
		}
	case deployer.Died:
		c.line(e.Service, red, "DIED", e.Generation+": "+e.Reason, clean(c.unseen(e))...)
	case deployer.Back:
		c.line(e.Service, amber, "back", fmt.Sprintf("%s  %s is live again: %s", e.Generation, Short(e.Set), e.Reason))
	case deployer.Adopted:
		c.line(e.Service, "", "live", fmt.Sprintf("%s  %s  %s  %s", e.Generation, Short(e.Set), e.Address, e.Reason))
	case deployer.Restarted:
		c.line(e.Service, amber, "restart", e.Generation+"  "+e.Reason)
	case deployer.Repaired, deployer.Warning:
		c.line(e.Service, amber, string(e.Kind), e.Reason)
	case deployer.Waiting:
		c.line(e.Service, "", "waiting", strings.TrimPrefix(e.Reason, "waits "))
	case deployer.Retired:
		c.unseen(e)
		c.line(e.Service, dim, "retired", strings.TrimSpace(e.Generation+"  "+e.Reason))
	case deployer.Unchanged:
		c.line(e.Service, dim, "same", fmt.Sprintf("%s  %s  %s", e.Generation, Short(e.Set), e.Reason))
	case deployer.Deploying:
		c.title.changed() // Soon live or failed: a line of its own would say nothing more.
	}
}

// hint says whether to show how to look into a generation that is kept: once.
func (c *Console) hint() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	again := c.hinted
	c.hinted = true
	return !again
}

// unseen gives the last lines of a generation that are not shown yet, and forgets
// it.
func (c *Console) unseen(e deployer.Event) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen.unseen(e)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// slowest names the three steps that took longest, in the order in which they
// were made, as far as that was a twentieth of a second. The whole is what status
// --last is for.
func slowest(steps []deployer.Step) string {
	var by []int // indices
	for i, s := range steps {
		if s.Took >= 50*time.Millisecond {
			by = append(by, i)
		}
	}
	slices.SortStableFunc(by, func(a, b int) int { return cmp.Compare(steps[b].Took, steps[a].Took) })
	by = by[:min(3, len(by))]
	slices.Sort(by)
	var parts []string
	for _, i := range by {
		parts = append(parts, fmt.Sprintf("%s %.2f", steps[i].Name, steps[i].Took.Seconds()))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
