package deployer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

// router is the machine's, for one agent.
type router struct{ *door }

var _ deployer.Router = router{}

// write gives an instance its names, which has to run for that unless it is known
// to have them.
func (r router) write(ctx context.Context, name string, names map[string]netip.Addr) (changed bool, err error) {
	r.mu.Lock()
	i := r.instances[name]
	has := i != nil && i.running && maps.Equal(i.names, names)
	known, given := r.known[name]
	if has {
		r.known[name] = maps.Clone(names)
	}
	r.mu.Unlock()
	if has || given && maps.Equal(known, names) && (i == nil || !i.running) {
		return false, nil
	}
	err = r.do(ctx, "names", func() error {
		if i := r.instances[name]; i == nil || !i.running {
			return fmt.Errorf("names of %s: %w", name, deployer.ErrStopped)
		}
		i.names, r.known[name] = maps.Clone(names), maps.Clone(names)
		return nil
	})
	return err == nil, err
}

func (r router) led(ctx context.Context, act string, to deployer.Routes) (changed bool, err error) {
	r.mu.Lock()
	has := r.ports
	has.Names = to.Names
	same := has.Equal(to)
	r.mu.Unlock()
	if same && act == "ports" {
		return false, nil
	}
	return !same, r.do(ctx, act, func() error {
		for service, at := range r.ports.Held { // who comes now comes to what is live
			if target := to.Targets[service]; to.Held[service] != at && target.IsValid() && !r.accepts(target) {
				r.harm = append(r.harm, "nothing holds connections to "+service+", and nobody accepts them")
			}
		}
		r.ports = to
		return nil
	})
}

func (r router) Set(ctx context.Context, to deployer.Routes) (changed []string, err error) {
	r.mu.Lock()
	before := r.ports
	before.Names = map[string]map[string]netip.Addr{}
	for name := range to.Names {
		if i := r.instances[name]; i != nil {
			before.Names[name] = i.names
		}
	}
	r.mu.Unlock()
	var touched []string
	for _, name := range slices.Sorted(maps.Keys(to.Names)) {
		did, e := r.write(ctx, name, to.Names[name])
		if did {
			changed = append(changed, name)
		}
		if did || e != nil {
			touched = append(touched, name)
		}
		if e != nil {
			return r.goBack(ctx, before, touched, false, e)
		}
	}
	if _, err := r.led(ctx, "ports", to); err != nil {
		return r.goBack(ctx, before, touched, true, err)
	}
	return changed, nil
}

// goBack undoes what Set has done.
func (r router) goBack(ctx context.Context, before deployer.Routes, touched []string, ports bool, why error) (changed []string, err error) {
	ctx = context.WithoutCancel(ctx)
	var failed []error
	drift := map[string]bool{}
	for _, name := range touched {
		if _, e := r.write(ctx, name, before.Names[name]); e != nil && !errors.Is(e, deployer.ErrStopped) {
			failed, changed = append(failed, e), append(changed, name)
			for service := range before.Names[name] {
				drift[service] = true
			}
		}
	}
	if ports {
		if _, e := r.led(ctx, "repair ports", before); e != nil {
			failed = append(failed, e)
			for service := range before.Targets {
				drift[service] = true
			}
		}
	}
	if len(failed) == 0 {
		return nil, why
	}
	return changed, &deployer.DriftError{Services: slices.Sorted(maps.Keys(drift)), Err: errors.Join(append(failed, why)...)}
}

func (r router) Repair(ctx context.Context, to deployer.Routes) (changed, repaired []string, err error) {
	var failed []error
	drift := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(to.Names)) {
		r.mu.Lock()
		delete(r.known, name)
		r.mu.Unlock()
		did, e := r.write(ctx, name, to.Names[name])
		if did {
			changed, repaired = append(changed, name), append(repaired, "hosts file of "+name)
		}
		if e != nil {
			failed = append(failed, e)
			for service := range to.Names[name] {
				drift[service] = true
			}
		}
	}
	if did, e := r.led(ctx, "repair ports", to); e != nil {
		failed = append(failed, e)
		clear(drift) // it may be any
	} else if did {
		repaired = append(repaired, "iptables rules")
	}
	if len(failed) > 0 {
		err = &deployer.DriftError{Services: slices.Sorted(maps.Keys(drift)), Err: errors.Join(failed...)}
	}
	return changed, repaired, err
}

func (r router) VIPs(context.Context) (map[string]netip.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.ports.VIPs), nil
}

func (r router) Forget(netip.Addr) error {
	return r.do(context.Background(), "forget", func() error { return nil })
}

// pool is one agent's.
type pool struct{ *door }

var _ deployer.Pool = pool{}

func (p pool) Lease(ctx context.Context, owner string) (prefix netip.Prefix, err error) {
	return prefix, p.do(ctx, "lease", func() error {
		if p.dhcp {
			return nil
		}
		if _, held := p.leases[owner]; !held {
			p.last = p.last.Next()
			p.leases[owner] = p.last
		}
		prefix = netip.PrefixFrom(p.leases[owner], 24)
		return nil
	})
}

func (p pool) Hold(owner string, addr netip.Addr) error {
	return p.do(context.Background(), "hold", func() error {
		if !netip.MustParsePrefix("10.0.3.0/24").Contains(addr) {
			return fmt.Errorf("hold %s for %s: not of the bridge's subnet", addr, owner)
		}
		p.leases[owner] = addr
		return nil
	})
}

func (p pool) Release(owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.leases, owner)
}

// leased gives what an owner has.
func (d *door) leased(owner string) netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.leases[owner]
}
