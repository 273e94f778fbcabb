package deployer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// takeStock makes sense of what is there at the start. It needs nothing but the
// instances and their records, and gives each generation to a loop; those of
// services that have gone from the configuration have loops of their own, which
// it gives.
//
// Names and ports stay as they are until it is known what is live; then they are
// put right, which undoes a switch that was cut off. Only then is anything
// removed, since they may lead there.
func (d *Deployer) takeStock(ctx context.Context) (leftovers []*loop, err error) {
	instances, err := d.Engine.List(ctx)
	if err != nil {
		return nil, err
	}
	all, half := d.readRecords(instances)
	d.holdShares(ctx, all)
	vips, err := d.recoverVIPs(ctx, all)
	if err != nil {
		return nil, err
	}
	d.finishSwitch(ctx, all)
	loops := map[string]*loop{}
	for _, l := range *d.loops.Load() {
		loops[l.name] = l
	}
	runs := map[string]bool{} // the service, by instance
	for _, i := range instances {
		runs[i.Name] = i.Running && d.Engine.Check(i.Name) == nil
	}
	live := choose(all, runs)
	owner := func(service string) *loop {
		l := loops[service]
		if l == nil {
			l = newLoop(d.shop, Service{Name: service})
			l.gone = true
			loops[service], leftovers = l, append(leftovers, l)
		}
		return l
	}
	joined := map[*loop][]*Generation{}
	for _, g := range all {
		if l := owner(g.Service); l.takeUp(g, live[g.Service], runs[g.Name()]) {
			joined[l] = append(joined[l], g)
		}
	}
	for _, g := range half {
		owner(g.Service).removals[g.Name()] = &removal{g: g}
	}
	for _, l := range leftovers { // of which nothing is to run, but the data stay
		if g := live[l.name]; g != nil {
			if _, err := d.takeBack(ctx, g, goneGrace); err != nil {
				d.warn(l.name, "data as they were before "+g.Yields, err)
			}
		}
	}
	if err := d.wakeLive(ctx, runs, vips); err != nil {
		return nil, err
	}
	held, err := d.takeHeld(ctx)
	if err != nil {
		return nil, err
	}
	f := d.foundRoutes(all, vips, held, joined)
	if err := d.routing.adopt(ctx, f, !d.VIPs); err != nil {
		return nil, err
	}
	// Not everything stood: that nobody listened to what changed meanwhile is
	// the reason for being here.
	if _, err := d.routing.repair(ctx); ctx.Err() == nil {
		d.tellDrift(err)
	}
	if err := d.reload(ctx); err != nil && ctx.Err() == nil {
		d.warn("", "names of services", err)
	}
	return leftovers, ctx.Err()
}

// foundRoutes is what names and ports are to lead to, by what was found and by what
// people have decided.
func (d *Deployer) foundRoutes(all []*Generation, vips map[string]netip.Addr, held map[string]netip.AddrPort,
	joined map[*loop][]*Generation) found {
	f := found{
		services: d.Services, publish: d.Publish, vips: vips, external: d.External, diverted: map[string]netip.AddrPort{},
		held: held, all: all,
	}
	for _, l := range *d.loops.Load() {
		if page, err := d.History.Page(l.name); err == nil && page.Divert.IsValid() {
			f.diverted[l.name] = page.Divert
		}
		f.running = append(f.running, joined[l]...)
		if l.live != nil {
			f.live = append(f.live, l.live)
		}
		if l.live != nil && l.down == nil {
			f.running = append(f.running, l.live)
		}
	}
	return f
}

// readRecords gives the generations that there are, the latest first, and those
// that can only be removed.
func (d *Deployer) readRecords(instances []Instance) (all, half []*Generation) {
	for _, i := range instances {
		service, number, _ := parseName(i.Name)
		g, err := readInstance(i)
		switch {
		case !i.Half && errors.Is(err, errCopied):
			d.warn(service, "left alone", fmt.Errorf("%s: %w", i.Name, err))
			continue
		case i.Half:
			half = append(half, &Generation{Service: service, Number: number, Phase: Making})
			continue
		case err != nil:
			d.warn(service, "record of "+i.Name+" cannot be read: it is removed", err)
			half = append(half, &Generation{Service: service, Number: number, Phase: Making})
			continue
		}
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *Generation) int {
		if a.later(b) {
			return -1
		}
		return 1
	})
	return all, half
}

// holdShares notes every address and shared file that is in use, before any is given
// away or removed.
func (d *Deployer) holdShares(ctx context.Context, all []*Generation) {
	for _, g := range all {
		if files := g.Start.files(); len(files) > 0 {
			if _, err := d.sharing.use(ctx, g.Name(), files); err != nil {
				d.warn(g.Service, "libraries that "+g.Name()+" runs with", err)
			}
		}
		if !g.Address.IsValid() {
			continue
		}
		if err := d.Pool.Hold(g.Name(), g.Address); err != nil {
			d.warn(g.Service, g.Name()+" cannot be reached until it is deployed again (jarloop deploy "+g.Service+")", err)
		}
	}
}

// recoverVIPs gives each service that others need its virtual IP: the one that
// its generations say it has, or a new one.
func (d *Deployer) recoverVIPs(ctx context.Context, all []*Generation) (map[string]netip.Addr, error) {
	vips := map[string]netip.Addr{}
	if !d.VIPs {
		return vips, nil
	}
	names := d.Names()
	for _, g := range all {
		if !g.VIP.IsValid() || vips[g.Service].IsValid() || !slices.Contains(names, g.Service) {
			continue
		}
		if err := d.Pool.Hold(g.Service, g.VIP); err != nil {
			d.warn(g.Service, "it gets another virtual IP", err)
			continue
		}
		vips[g.Service] = g.VIP
	}
	// Those of other names are in the rules alone, which are gone after a boot, as are
	// those who remember such an address.
	ruled, err := d.Router.VIPs(ctx)
	if err != nil {
		return nil, err
	}
	for name, vip := range ruled {
		if _, outside := d.External[name]; outside && d.Pool.Hold(name, vip) == nil {
			vips[name] = vip
		}
	}
	leased, err := d.leaseVIPs(ctx, d.Services, vips)
	maps.Copy(vips, leased)
	return vips, err
}

// finishSwitch writes the records that a switch of several services has not come
// to.
func (d *Deployer) finishSwitch(ctx context.Context, all []*Generation) {
	highest := map[string]int{}
	for _, g := range all {
		highest[g.Service] = max(highest[g.Service], g.Ordinal)
	}
	for _, first := range all {
		for i, g := range all {
			if first.Phase == Live && g.Phase == Candidate && slices.Contains(first.With, g.Name()) {
				next := g.in(Live)
				next.Since, next.Ordinal = first.Since, highest[g.Service]+1
				all[i] = d.noted(ctx, next)
			}
		}
	}
}

// takeHeld finds what an earlier agent held: that of services which are live waits on
// until those accept it, and nobody else waits any longer.
func (d *Deployer) takeHeld(ctx context.Context) (map[string]netip.AddrPort, error) {
	held := map[string]netip.AddrPort{}
	if d.Holder == nil {
		return held, nil
	}
	holding, err := d.Holder.Holding(ctx)
	if err != nil {
		d.warn("", "connections that an earlier agent held", err)
	}
	for _, l := range *d.loops.Load() {
		h, found := holding[l.name]
		if l.holding = found && l.live != nil; l.holding {
			held[l.name] = h.Address
			delete(holding, l.name)
		}
	}
	for service := range holding {
		_, err := d.Holder.Release(ctx, service, netip.AddrPort{})
		if err := errors.Join(err, d.Holder.End(ctx, service)); err != nil {
			d.warn(service, "connections that an earlier agent held", err)
		}
	}
	return held, ctx.Err()
}
