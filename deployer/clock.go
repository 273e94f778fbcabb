package deployer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// repairRoutes puts right what leads to what.
func (d *Deployer) repairRoutes(ctx context.Context) {
	repaired, err := d.routing.repair(ctx)
	if len(repaired) > 0 {
		d.tell(Event{Kind: Repaired, Reason: "put back what somebody changed: " + strings.Join(repaired, ", ")})
	}
	err = errors.Join(err, d.reload(ctx))
	if ctx.Err() == nil {
		d.tellDrift(err)
	}
}

// tellDrift tells why routes could not be put right, when that is news. With nil
// they could, and the next reason is.
func (d *Deployer) tellDrift(err error) {
	reason := ""
	if err != nil {
		reasons := strings.Split(err.Error(), "\n") // of several, in any order
		slices.Sort(reasons)
		reason = strings.Join(reasons, "\n")
	}
	if reason != "" && reason != d.drift {
		d.warn("", "names and ports not put right, which is tried again", err)
	}
	d.drift = reason
}

// tickAll has every loop look at what the clock brings, and gives up what can be
// done without while memory is short: first what is kept of failed deploys, then
// standbys, those of the services first that have not changed for longest.
func (d *Deployer) tickAll(ctx context.Context) {
	space, _ := d.Engine.Space(ctx) // what is not known brings nothing
	free, err := d.Available()      // a kernel that does not say so is never short
	spare := err != nil || free >= d.Reserve+2*standbySize
	if err == nil && free < d.Reserve {
		if service, name := d.leastNeeded(); name != "" {
			d.send(service, giveUp{name, fmt.Sprintf("memory is short: %d MiB are available", free>>20)})
		}
	}
	d.leave(nil)
	for _, l := range slices.Concat(*d.loops.Load(), *d.leaving.Load()) {
		l.box.put(tick{space: space, spare: spare})
	}
}

// leastNeeded gives what can be done without soonest.
func (d *Deployer) leastNeeded() (service, name string) {
	var oldest time.Time
	kept := false
	for _, l := range *d.loops.Load() {
		s := l.shown.Load()
		switch {
		case s.Failed != "":
			since := time.Time{} // before this agent
			if s.Last != nil {
				since = s.Last.Ended
			}
			if !kept || since.Before(oldest) {
				service, name, oldest, kept = s.Service, s.Failed, since, true
			}
		case s.Standby != "" && !kept && (name == "" || s.Since.Before(oldest)):
			service, name, oldest = s.Service, s.Standby, s.Since
		}
	}
	return service, name
}
