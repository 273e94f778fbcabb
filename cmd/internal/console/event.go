package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// Event shows how a deploy goes.
func (c *Console) Event(e deployer.Event) {
	n := notice{what: string(e.Kind), record: record{
		Service: e.Service, Generation: e.Generation, Set: e.Set, Address: e.Address, Step: e.Step, Reason: e.Reason,
		Serving: e.Serving, Took: e.Took, Steps: e.Steps, Tail: e.Tail, Message: string(e.Kind),
	}}
	reason := plain(e.Reason)
	columns := func(parts ...string) string { return strings.Join(parts, "  ") }
	switch e.Kind {
	case deployer.WentLive:
		n.colour = green
		n.text = strings.TrimRight(columns(e.Generation, Short(e.Set), e.Address, seconds(e.Took)+slowest(e.Steps), reason), " ")
	case deployer.Failed:
		serving := "nothing serves"
		if e.Serving != "" {
			serving = e.Serving + " still serves"
		}
		n.colour, n.what = red, "FAILED"
		n.text, n.output = columns(Short(e.Set), reason, c.paint(amber, "("+serving+")")), clean(c.unseen(e))
	case deployer.Died:
		n.colour, n.what = red, "DIED"
		n.text, n.output = e.Generation+": "+reason, clean(c.unseen(e))
	case deployer.Back:
		n.colour, n.text = amber, fmt.Sprintf("%s  %s is live again: %s", e.Generation, Short(e.Set), reason)
	case deployer.Adopted:
		n.what, n.text = "live", columns(e.Generation, Short(e.Set), e.Address, reason)
	case deployer.Restarted:
		n.colour, n.what, n.text = amber, "restart", columns(e.Generation, reason)
	case deployer.Repaired, deployer.Warning:
		n.colour, n.text = amber, reason
	case deployer.Archived:
		n.colour, n.what, n.text = dim, "archive", columns(e.Generation, seconds(e.Took), reason)
	case deployer.Waiting:
		n.text = strings.TrimPrefix(reason, "waits ")
	case deployer.Retired:
		c.unseen(e)
		n.colour, n.text = dim, strings.TrimSpace(columns(e.Generation, reason))
	case deployer.Unchanged:
		n.colour, n.what, n.text = dim, "same", columns(e.Generation, Short(e.Set), reason)
	case deployer.Deploying:
		n.what = "" // soon live or failed: a line of its own would say nothing more
	}
	c.tell(n)
	if e.Kind == deployer.Failed && e.Kept && c.form != forPrograms && c.hint() {
		text := fmt.Sprintf("%s  jarloop enter %s --failed looks inside", e.Generation, e.Service)
		c.tell(notice{colour: dim, what: "kept", text: text, record: record{Service: e.Service, Generation: e.Generation, Message: "kept"}})
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
