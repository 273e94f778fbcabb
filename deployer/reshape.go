package deployer

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// change asks Run to care for other services.
type change struct {
	services []Service
	done     chan<- changed // has room for one
}

type changed struct {
	again []string
	err   error
}

// Reconfigure makes services those that are cared for, while Run runs.
//
//	as it was     nothing is done
//	new           it waits for its artefacts
//	changed       what is under way of it is undone; what is live serves on,
//	              with names and ports as they are to be now
//	gone          names and ports lead to it no longer; it finishes what it was
//	              doing, as in a drain, and is removed
//
// It gives the names of those whose newest artefacts are to be handed to Deploy
// again: what is live of them is not as it would be made now, or artefacts were
// under way or have failed. The error says that nothing was changed, or that
// ctx has ended.
func (d *Deployer) Reconfigure(ctx context.Context, services []Service) (again []string, err error) {
	done := make(chan changed, 1)
	select {
	case d.changes <- change{services, done}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case c := <-done:
		return c.again, c.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// reshape does what Reconfigure asks for, until ctx ends.
func (d *Deployer) reshape(ctx context.Context, group *errgroup.Group) {
	for {
		select {
		case c := <-d.changes:
			again, err := d.exchange(ctx, group, c.services)
			c.done <- changed{again, err}
		case <-ctx.Done():
			return
		}
	}
}

// exchange ends the lanes of services that have changed or gone and puts others
// in their place, which take up what is there.
func (d *Deployer) exchange(ctx context.Context, group *errgroup.Group, services []Service) (again []string, err error) {
	d.shaping.Lock()
	defer d.shaping.Unlock()
	addressed, err := d.leaseFixed(ctx, services)
	if err != nil {
		for _, name := range addressed { // nothing is changed
			d.wiring.unfix(name)
			d.Network.Release(name)
		}
		return nil, fmt.Errorf("addresses of services that are needed now: %w", err)
	}
	wanted, lanes := map[string]Service{}, map[string]*lane{}
	for _, s := range services {
		wanted[s.Name] = s
	}
	var over, fresh []*lane
	for _, l := range d.all() {
		if s, stays := wanted[l.s.Name]; stays && reflect.DeepEqual(s, l.s) && !slices.Contains(addressed, s.Name) {
			lanes[s.Name] = l
			continue
		}
		l.end()
		over = append(over, l)
	}
	for _, l := range over {
		<-l.ended
	}

	d.shape.Lock()
	for _, s := range services {
		if lanes[s.Name] == nil {
			l := newLane(d, s)
			if old := d.lanes[s.Name]; old != nil && l.inherit(old) {
				again = append(again, s.Name)
			}
			lanes[s.Name] = l
			fresh = append(fresh, l)
		}
	}
	d.Services, d.lanes = slices.Clone(services), lanes
	d.shape.Unlock()

	for _, l := range fresh { // before anybody is told of an address
		if slices.Contains(addressed, l.s.Name) {
			l.noteFixed()
		}
	}
	if err := d.wiring.reshape(ctx, wanted); err != nil && ctx.Err() == nil {
		d.warn("", "wiring not changed yet", err)
	}
	for _, l := range fresh {
		l.launch(ctx, group)
	}
	for _, l := range over {
		if _, stays := wanted[l.s.Name]; !stays {
			group.Go(func() error { d.dissolve(ctx, l); return nil })
		}
	}
	return again, nil
}

// launch runs the lane on a goroutine of the group, until ctx ends or end is
// called.
func (l *lane) launch(ctx context.Context, group *errgroup.Group) {
	ctx, l.end = context.WithCancel(ctx)
	group.Go(func() error {
		defer close(l.ended)
		defer l.end()
		l.run(ctx)
		return nil
	})
}

// inherit takes up what a lane that has ended cared for. It says whether the
// newest artefacts are to be deployed again.
func (l *lane) inherit(old *lane) (again bool) {
	old.mu.Lock()
	defer old.mu.Unlock()
	l.box, l.number = old.box, old.number
	l.live, l.standby, l.restarts = old.live, old.standby, old.restarts
	l.newest, l.withheld, l.last = old.newest, old.withheld, old.last
	for g := range old.draining {
		l.draining[g] = func() {} // its drain begins with the lane
	}
	return old.newest.State != "" ||
		l.live != nil && (l.live.Fingerprint != l.s.fingerprint() || l.live.Base != l.s.Base)
}

// noteFixed writes into the records of a lane that does not run yet which
// address its service has got, so that the next agent knows.
func (l *lane) noteFixed() {
	for _, g := range []*Generation{l.live, l.standby} {
		if g != nil {
			l.d.state(g, g.Phase)
		}
	}
}

var errDropped = errors.New("the service has gone from the configuration")

// dissolve removes all generations of a service that has gone from the
// configuration and whose lane has ended. What is left when ctx ends is removed
// by the next agent.
func (d *Deployer) dissolve(ctx context.Context, l *lane) {
	select {
	case r := <-l.box:
		l.finish(r, Result{Service: l.s.Name, Set: r.set.ID, Err: errDropped})
	default:
	}
	var all sync.WaitGroup
	all.Go(func() { d.dropKept(context.WithoutCancel(ctx), l.s.Name) })
	if l.standby != nil {
		all.Go(func() { d.letGo(ctx, l.standby, 0) })
	}
	if l.live != nil {
		d.state(l.live, Draining)
		l.draining[l.live] = func() {}
	}
	for g := range l.draining {
		all.Go(func() {
			if open, err := d.drain(ctx, l.s, g); err == nil {
				d.letGo(ctx, g, open)
			}
		})
	}
	all.Wait()

	d.shaping.Lock()
	defer d.shaping.Unlock()
	if ctx.Err() != nil || d.lane(l.s.Name) != nil || !d.wiring.unfix(l.s.Name) {
		return // it may have come again meanwhile
	}
	d.Network.Release(l.s.Name)
	if err := d.wiring.lead(ctx); err != nil && ctx.Err() == nil {
		d.warn(l.s.Name, "its address is not gone yet", err)
	}
}

// letGo removes a generation of a service that has gone, with its open
// connections.
func (d *Deployer) letGo(ctx context.Context, g *Generation, open int) {
	if err := d.discard(context.WithoutCancel(ctx), g, stopGrace); err != nil {
		d.warn(g.Service, g.Name()+" not removed yet", err)
		return
	}
	if g.Phase == Draining {
		d.tell(retired(g, open))
	}
}
