package deployer

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"time"
)

// found is what recovery has made of what was there.
type found struct {
	services []Service
	publish  []Publish
	vips     map[string]netip.Addr
	external map[string]netip.AddrPort
	diverted map[string]netip.AddrPort
	live     []*Generation // one of each service at most
	running  []*Generation // whose names are to be true
	held     map[string]netip.AddrPort
	all      []*Generation
}

// adopt takes up what was found, with names and ports as they are: what is not
// true of them, repair puts right. stale says that nobody knows whether services
// have been told of the names that they have.
func (r *routing) adopt(ctx context.Context, f found, stale bool) error {
	return r.do(ctx, func() {
		r.care(f.services, f.publish, f.vips)
		r.external = f.external
		maps.Copy(r.diverted, f.diverted)
		for _, g := range f.all {
			r.ordinals[g.Service] = max(r.ordinals[g.Service], g.Ordinal)
		}
		for _, g := range f.live {
			r.live[g.Service] = g
		}
		maps.Copy(r.held, f.held)
		for _, g := range f.running {
			reloads := g.Phase == Live || g.Phase == Draining
			r.joined[g.Name()] = &joined{service: g.Service, address: g.Address, reloads: reloads, stale: stale && reloads}
		}
		r.show()
	})
}

// care notes what is cared for.
func (r *routing) care(services []Service, publish []Publish, vips map[string]netip.Addr) {
	r.services, r.publish = map[string]Service{}, publish
	for _, s := range services {
		r.services[s.Name] = s
	}
	maps.Copy(r.vips, vips)
}

// configure makes other services those that are cared for.
func (r *routing) configure(ctx context.Context, services []Service, publish []Publish, vips map[string]netip.Addr) (err error) {
	undone := r.do(ctx, func() {
		r.care(services, publish, vips)
		for service := range r.live {
			if _, stays := r.services[service]; !stays {
				delete(r.live, service)
				delete(r.held, service)
			}
		}
		err = r.apply(ctx)
	})
	return errors.Join(err, undone)
}

// setExternal makes other names lead out of the machine, and gives those that do no
// longer.
func (r *routing) setExternal(ctx context.Context, to map[string]netip.AddrPort) (gone []string, err error) {
	undone := r.do(ctx, func() {
		for name := range r.external {
			if _, stays := to[name]; !stays {
				gone = append(gone, name)
			}
		}
		r.external = maps.Clone(to)
		err = r.apply(ctx)
	})
	return gone, errors.Join(err, undone)
}

// dropVIP takes the VIP of a service that has gone, and says whether it had one.
func (r *routing) dropVIP(ctx context.Context, service string) (had bool, err error) {
	undone := r.do(ctx, func() {
		_, stays := r.services[service]
		if _, outside := r.external[service]; stays || outside {
			return // it has come again
		}
		vip, found := r.vips[service]
		if had = found; had {
			delete(r.vips, service)
			if err = r.apply(ctx); err != nil {
				r.vips[service] = vip
			}
		}
	})
	return had, errors.Join(err, undone)
}

// vip gives the virtual IP of a service; invalid if it has none.
func (r *routing) vip(ctx context.Context, service string) (addr netip.Addr, err error) {
	err = r.do(ctx, func() { addr = r.vips[service] })
	return addr, err
}

// hold has what comes to a service wait at an address.
func (r *routing) hold(ctx context.Context, service string, at netip.AddrPort) (err error) {
	undone := r.do(ctx, func() {
		r.held[service] = at
		err = r.apply(ctx)
	})
	return errors.Join(err, undone)
}

// unhold has what comes to a service go to what is live. Where that cannot be done
// yet repair sees to it.
func (r *routing) unhold(ctx context.Context, service string) (err error) {
	undone := r.do(ctx, func() {
		if _, held := r.held[service]; held {
			delete(r.held, service)
			err = r.apply(ctx)
		}
	})
	return errors.Join(err, undone)
}

// published gives the ports of the machine that lead to another port of a service
// than its own, with that.
func (r *routing) published(ctx context.Context, service string) (ports map[uint16]uint16, err error) {
	ports = map[uint16]uint16{}
	err = r.do(ctx, func() {
		for _, p := range r.publish {
			if p.Service == service && p.Protocol == TCP && p.To != 0 {
				ports[p.Port] = p.To
			}
		}
	})
	return ports, err
}

// divert makes names and ports of a service lead to an address, whatever is live;
// the zero address: to what is live.
func (r *routing) divert(ctx context.Context, service string, to netip.AddrPort) (err error) {
	undone := r.do(ctx, func() {
		was := r.diverted[service]
		r.noteDiverted(service, to)
		if err = r.apply(ctx); err != nil {
			r.noteDiverted(service, was)
		}
		r.show()
	})
	return errors.Join(err, undone)
}

func (r *routing) noteDiverted(service string, to netip.AddrPort) {
	if to.IsValid() {
		r.diverted[service] = to
	} else {
		delete(r.diverted, service)
	}
}

// switchTime bounds a switch, which nothing else cuts off: once it has begun it
// ends with either generation live, never with half of each.
const switchTime = time.Minute
