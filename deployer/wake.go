package deployer

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
)

// choose says which generation of each service is to be live: what went live last
// of all whose service runs. An agent that was killed in between the two records
// of a switch has left two, and the later is the one that names and ports lead
// to; or the other, if it was going back to that. Where none runs, the latest
// that drains and does is live again: the other ended when nobody was there to go
// back. Where there is none of these either, as after a reboot, it is the latest
// that was live.
func choose(all []*Generation, runs map[string]bool) map[string]*Generation {
	worth := func(g *Generation) int {
		switch {
		case g.Phase == Live && runs[g.Name()]:
			return 3
		case g.Phase == Draining && runs[g.Name()]:
			return 2
		case g.Phase == Live:
			return 1
		}
		return 0
	}
	chosen := map[string]*Generation{}
	for _, g := range all {
		best := chosen[g.Service]
		if n := worth(g); n > 0 && (best == nil || n > worth(best) || n == worth(best) && g.later(best)) {
			chosen[g.Service] = g
		}
	}
	return chosen
}

// goneGrace is how long the processes of a service may take to end that is not
// configured any more.
const goneGrace = 10 * time.Second

// takeUp makes of a generation what its record says, live that which is live of
// its service. What nobody wants is removed. It says whether names inside are to
// be kept true.
func (l *loop) takeUp(g, live *Generation, runs bool) (joins bool) {
	switch {
	case l.gone:
		l.removals[g.Name()] = &removal{g: g, grace: goneGrace}
		return false
	case live != nil && g.Name() == live.Name():
		l.live = g // whose names are kept true if it can be started
		return false
	case (g.Phase == Live || g.Phase == Draining) && runs:
		l.draining[g.Name()] = &drain{g: g}
		return true
	case g.Phase == Standby && runs && l.Standby && l.service.suits(g) && l.standby == nil:
		l.standby = g
		return true
	case g.Phase == KeptFailure && l.KeepFailed && l.failed == nil && !supersedes(live, g):
		l.failed = g // dropped by the clock if it has stopped
		return false
	}
	l.removals[g.Name()] = &removal{g: g, grace: l.service.StopTimeout}
	return false
}

// supersedes says whether something has gone live after a deploy had failed.
func supersedes(live, failed *Generation) bool {
	if live == nil {
		return false
	}
	return live.Ordinal > failed.Ordinal || live.Ordinal == 0 && live.Number > failed.Number
}

// wakeLive starts what is to be live and has stopped, all at once. What does not
// start is live all the same: it is tried again, and gives way to the next one.
func (d *Deployer) wakeLive(ctx context.Context, runs map[string]bool, vips map[string]netip.Addr) error {
	var all errgroup.Group
	for _, l := range *d.loops.Load() {
		if l.live == nil {
			continue
		}
		all.Go(func() error {
			l.wake(ctx, runs[l.live.Name()], vips[l.name])
			return nil
		})
	}
	_ = all.Wait()
	return ctx.Err()
}

// wake starts what is live where it has stopped, and notes how it was found.
func (l *loop) wake(ctx context.Context, runs bool, vip netip.Addr) {
	next := *l.live
	next.Phase, next.VIP = Live, vip
	if l.live.Phase != Live || l.live.VIP != vip { // before anybody is told of that
		l.noted(ctx, &next)
	}
	l.live, l.found = &next, "found running"
	switch {
	case next.Yields != "": // its replacement was cut off
		if l.live, l.down = l.takeBack(ctx, &next, l.service.StopTimeout); l.down != nil {
			l.warn(l.name, "data as they were before "+next.Yields, l.down)
			return
		}
	case len(l.service.Data) > 0: // what is live is the last one that was to be
		if err := l.Engine.DropSavedData(ctx, l.name); err != nil {
			l.warn(l.name, "the copy of its data", err)
		}
	}
	if runs {
		return
	}
	l.found = "started again"
	addr, err := l.Engine.Start(ctx, next.Name())
	if err == nil && addr != next.Address {
		l.live = l.moved(ctx, l.live, addr)
	}
	if err == nil {
		err = l.Engine.Launch(ctx, next.Name())
	}
	if err != nil {
		l.down = err
		l.warn(l.name, "take up "+next.Name(), err)
	}
}
