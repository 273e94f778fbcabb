package deployer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Configure makes services those that are cared for, while Run runs.
//
//	as it was     nothing is done
//	new           it waits for its artefacts
//	changed       what is under way of it is undone, and made anew; what is live
//	              serves on, with names and ports as they are to be now
//	gone          names and ports lead to it no longer; it finishes what it was
//	              doing, and is removed
//
// It gives the names of those whose newest artefacts are to be seen once more:
// what is live of them is not as it would be made now, or artefacts were under
// way or have failed. The error says that nothing was changed, or that ctx has
// ended.
func (d *Deployer) Configure(ctx context.Context, services []Service, publish []Publish) (again []string, err error) {
	done := make(chan changed, 1)
	select {
	case d.changes <- change{services, publish, done}:
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

// serveChanges does what Configure asks for, until ctx ends.
func (d *Deployer) serveChanges(ctx context.Context, group *errgroup.Group) {
	for {
		select {
		case c := <-d.changes:
			again, err := d.configure(ctx, group, c)
			c.done <- changed{again, err}
		case <-ctx.Done():
			return
		}
	}
}

func (d *Deployer) configure(ctx context.Context, group *errgroup.Group, c change) (again []string, err error) {
	vips, err := d.leaseVIPs(ctx, c.services, nil)
	if err != nil {
		return nil, fmt.Errorf("virtual IPs of services that are needed now: %w", err)
	}
	before := map[string]*loop{}
	for _, l := range *d.loops.Load() {
		before[l.name] = l
	}
	if err := d.noteVIPs(ctx, vips); err != nil {
		return nil, err
	}
	var loops, fresh []*loop
	var replies []chan bool
	for _, s := range c.services {
		l := before[s.Name]
		delete(before, s.Name)
		if l == nil {
			l = newLoop(d.shop, s)
			fresh = append(fresh, l)
		}
		loops = append(loops, l)
	}
	d.loops.Store(&loops)
	if err := d.routing.configure(ctx, c.services, c.publish, vips); err != nil && ctx.Err() == nil {
		d.warn("", "names and ports not changed yet", err)
	}
	for _, l := range fresh {
		group.Go(func() error { d.serveLoop(ctx, l); return nil })
	}
	for i, l := range loops {
		reply := make(chan bool, 1)
		replies = append(replies, reply)
		l.box.put(configured{service: c.services[i], again: reply})
	}
	d.leave(slices.Collect(maps.Values(before)))
	for _, l := range before {
		l.box.put(configured{gone: true, again: make(chan bool, 1)})
	}
	if err := d.reload(ctx); err != nil {
		d.warn("", "names of services", err)
	}
	for i, reply := range replies {
		select {
		case yes := <-reply:
			if yes {
				again = append(again, loops[i].name)
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return again, nil
}

// noteVIPs has the records of what is there say which virtual IP it gets.
func (d *Deployer) noteVIPs(ctx context.Context, vips map[string]netip.Addr) error {
	for service, vip := range vips {
		done := make(chan struct{})
		if !d.send(service, vipLeased{vip, done}) {
			continue // nothing of it is there yet
		}
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// SetExternal makes names that are no services' lead elsewhere.
func (d *Deployer) SetExternal(ctx context.Context, to map[string]netip.AddrPort) error {
	gone, err := d.routing.setExternal(ctx, to)
	for _, name := range gone {
		had, e := d.routing.dropVIP(ctx, name)
		if err = errors.Join(err, e); had && e == nil {
			d.Pool.Release(name)
		}
	}
	return err
}

// leaseVIPs gives a virtual IP to each name that others call and that has
// none, nor one in known. After an error nobody has got one.
func (d *Deployer) leaseVIPs(ctx context.Context, services []Service, known map[string]netip.Addr) (map[string]netip.Addr, error) {
	leased := map[string]netip.Addr{}
	if !d.VIPs {
		return leased, nil
	}
	for _, s := range services {
		for _, need := range slices.Concat(s.Needs, s.Knows) {
			if need == s.Name {
				continue
			}
			has, err := d.routing.vip(ctx, need)
			if err == nil && !has.IsValid() && !known[need].IsValid() && !leased[need].IsValid() {
				var prefix netip.Prefix
				prefix, err = d.Pool.Lease(ctx, need)
				leased[need] = prefix.Addr()
			}
			if err != nil {
				for name := range leased {
					d.Pool.Release(name)
				}
				return nil, err
			}
		}
	}
	return leased, nil
}
