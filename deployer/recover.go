package deployer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

// recover makes sense of what is there at the start. It needs nothing but the
// containers and their records.
//
// Of each service the newest generation whose record says live is live, with
// names and ports as they are; when it is stopped, as after a reboot, it is
// started (choose says more). Older live ones and draining ones go on draining.
// A standby that still fits waits on, and what has failed is kept on. Whatever
// else has a record of ours was being made, and is removed; but only when names
// and ports are put right, since they may lead there: a switch that was cut off
// is undone so.
func (d *Deployer) recover(ctx context.Context) error {
	states, err := d.Machine.States(ctx)
	if err != nil {
		return err
	}
	if err := d.finishRemovals(ctx); err != nil {
		d.warn("", "left of an earlier start", err)
	}
	found, err := d.findGenerations(states)
	if err != nil {
		return err
	}
	for _, g := range found { // every address, before any is given away
		if g.Address.IsValid() {
			if err := d.Network.Hold(g.Name(), g.Address); err != nil {
				d.warn(g.Service, g.Name()+" cannot be reached until it is deployed again (jarloop deploy "+g.Service+")", err)
			}
		}
	}
	if err := d.fixAddresses(ctx, found); err != nil {
		return err
	}
	d.finishSwitch(found)
	live := d.choose(found)
	var unwanted []*Generation
	for _, g := range found { // newest first
		wanted, err := d.takeUp(ctx, g, live[g.Service])
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			d.warn(g.Service, "take up "+g.Name(), err)
		}
		if !wanted {
			unwanted = append(unwanted, g)
		}
	}
	// Not everything stood: that nobody listened to what changed meanwhile is
	// the reason for being here.
	if _, err := d.wiring.repair(ctx); ctx.Err() == nil {
		d.tellAstray(err)
	}
	for _, g := range unwanted {
		var grace time.Duration
		if d.lane(g.Service) == nil {
			grace = stopGrace // its service has gone from the configuration
		}
		if d.wiring.isAstray(g.Service) {
			d.garbage.add(g, mayLead)
		} else if err := d.discard(ctx, g, grace); err != nil && ctx.Err() == nil {
			d.warn(g.Service, "remove "+g.Name(), err)
		}
	}
	return ctx.Err()
}

// takeUp makes of a generation what its record says, live that which is live of
// its service. It is false where nobody wants it, or where that cannot be.
func (d *Deployer) takeUp(ctx context.Context, g, live *Generation) (wanted bool, err error) {
	l, runs := d.lane(g.Service), g.init.Load() > 0
	switch {
	case l == nil:
		return false, nil
	case g == live:
		return true, l.adoptLive(ctx, g)
	case (g.Phase == Live || g.Phase == Draining) && runs:
		err = l.adoptDraining(g)
	case g.Phase == Standby && runs && d.Standby &&
		g.Fingerprint == l.s.fingerprint() && g.Base == l.s.Base && l.standby == nil:
		if err = d.adopt(l.s, g); err == nil {
			l.standby = g
		}
	case g.Phase == Kept && runs && d.KeepFailed && d.kept.of(g.Service) == nil &&
		(live == nil || g.Number > live.Number): // else a later deploy has gone live
		d.kept.add(g)
	default:
		return false, nil
	}
	return err == nil, err
}

// finishRemovals removes what an agent that was killed had begun to remove.
// What it cannot remove now is remembered.
func (d *Deployer) finishRemovals(ctx context.Context) error {
	names, err := findHalfGone(d.Machine)
	for _, name := range names {
		e := removeContainer(ctx, d.Machine, name, 0)
		if service, number, ok := parseName(name); e != nil && ok {
			g := &Generation{Record: Record{Service: service, Number: number}}
			g.reports = d.reportsOf(g)
			d.garbage.add(g, oneLine(e))
		}
		err = errors.Join(err, e)
	}
	return err
}

// fixAddresses gives each service an address of its own that others need: the
// one that its generations say it has, or a new one. Names lead there for as
// long as there are generations.
func (d *Deployer) fixAddresses(ctx context.Context, found []*Generation) error {
	if !d.Stable {
		return nil
	}
	for _, g := range found {
		if g.Fixed.IsValid() && !d.wiring.fixedOf(g.Service).IsValid() && d.lane(g.Service) != nil {
			if err := d.Network.Hold(g.Service, g.Fixed); err != nil {
				d.warn(g.Service, "it gets another address", err)
				continue
			}
			d.wiring.fix(g.Service, g.Fixed)
		}
	}
	_, err := d.leaseFixed(ctx, d.Services)
	return err
}

// leaseFixed gives a new address to each service that others need and that has
// none, and says which those are.
func (d *Deployer) leaseFixed(ctx context.Context, services []Service) (names []string, err error) {
	if !d.Stable {
		return nil, nil
	}
	for _, s := range services {
		for _, need := range s.Needs {
			if d.wiring.fixedOf(need).IsValid() {
				continue
			}
			prefix, err := d.Network.Lease(ctx, need)
			if err != nil {
				return names, err
			}
			d.wiring.fix(need, prefix.Addr())
			names = append(names, need)
		}
	}
	return names, nil
}

// adopt takes up a running generation as it is.
func (d *Deployer) adopt(s Service, g *Generation) error {
	root, err := d.Machine.Root(int(g.init.Load()))
	if err != nil {
		return err
	}
	g.root = root
	d.wiring.adopt(s, g)
	if g.Phase != Standby {
		g.finished = d.followOutput(s, g)
	}
	return nil
}

func (l *lane) adoptLive(ctx context.Context, g *Generation) error {
	if g.Phase != Live || g.Fixed != l.d.wiring.fixedOf(g.Service) { // before anybody is told of that
		l.d.state(g, Live)
	}
	l.live = g
	l.newest = Newest{Set: g.Set}
	found, err := l.wake(ctx, g)
	if err == nil {
		err = l.d.adopt(l.s, g)
	}
	if err != nil {
		// It is live all the same: its start is tried again, as that of one
		// that ends later is, and it gives way to the next one.
		g.init.Store(0)
		l.d.wiring.adopt(l.s, g)
		return err
	}
	l.d.tell(Event{
		Kind: Adopted, Service: l.s.Name, Generation: g.Name(), Set: g.Set,
		Address: g.target().String(), Reason: found,
	})
	return nil
}

// wake starts the container of what is to be live where it has stopped, and says
// how it was found.
func (l *lane) wake(ctx context.Context, g *Generation) (found string, err error) {
	if g.init.Load() > 0 {
		return "found running", nil
	}
	// What it says of its last end is not of this start.
	if err := os.RemoveAll(guest.ExitReport(g.reports)); err != nil {
		return "", err
	}
	if g.init.Load() < 0 { // whoever began to start it is gone
		if err := l.d.Machine.Stop(ctx, g.Name(), 0); err != nil {
			return "", err
		}
	}
	init, err := l.d.Machine.Start(ctx, g.Name())
	g.init.Store(int64(init))
	return "started again", err
}

func (l *lane) adoptDraining(g *Generation) error {
	// First, since names and ports are led to what is taken up as live.
	l.d.state(g, Draining)
	if err := l.d.adopt(l.s, g); err != nil {
		return err
	}
	l.draining[g] = func() {} // its drain begins with the lane
	return nil
}

// revive starts the container of a live generation that has ended.
func (d *Deployer) revive(ctx context.Context, s Service, g *Generation) error {
	if err := d.Machine.Stop(ctx, g.Name(), 0); err != nil {
		return err
	}
	init, err := d.Machine.Start(ctx, g.Name())
	if err != nil {
		return err
	}
	root, err := d.Machine.Root(init)
	if err != nil {
		return fmt.Errorf("open the root of %s: %w", g.Name(), err)
	}
	if g.finished == nil { // it could not be taken up before
		g.finished = d.followOutput(s, g)
	}
	return d.wiring.moved(s, g, init, root)
}
