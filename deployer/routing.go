package deployer

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
)

// routing owns what names and ports lead to: which generation of each service is
// live, and the running instances whose host names must say so. It hands the
// whole to the Router, one act at a time. Who only looks reads its view, and
// waits for nobody.
type routing struct {
	owner
	router Router

	// Of the owner alone.
	services map[string]Service
	publish  []Publish
	vips     map[string]netip.Addr
	external map[string]netip.AddrPort
	diverted map[string]netip.AddrPort // by service, where a person wants names and ports to lead
	live     map[string]*Generation
	held     map[string]netip.AddrPort // by service: where what comes waits
	ordinals map[string]int            // by service: of what went live last
	joined   map[string]*joined        // by instance
	drift    *DriftError               // nil: all leads where it shall

	views
}

// joined is a running instance whose names are kept true.
type joined struct {
	service string
	address netip.Addr
	// reloads says that its service can be told of other names: it has been
	// live. stale says that names have changed since it read them.
	reloads, stale bool
}

// move makes names and ports of a service lead to another generation; nil: to
// none.
type move struct {
	service string
	to      *Generation
	// from is what has to be live for it; any stands for whatever is.
	from *Generation
	any  bool
}

// errMoved says that something else has gone live meanwhile.
var errMoved = errors.New("another generation has gone live meanwhile")

func newRouting(router Router) *routing {
	r := &routing{
		owner: newOwner(), router: router, services: map[string]Service{}, vips: map[string]netip.Addr{},
		live: map[string]*Generation{}, held: map[string]netip.AddrPort{}, ordinals: map[string]int{}, joined: map[string]*joined{},
		diverted: map[string]netip.AddrPort{},
	}
	r.show()
	return r
}

// show makes the state what others see.
func (r *routing) show() {
	r.views.show(&view{live: maps.Clone(r.live), diverted: maps.Clone(r.diverted), ordinals: maps.Clone(r.ordinals), drift: r.drift})
}

// routes is the whole as it shall be.
func (r *routing) routes() Routes {
	routes := Routes{
		Targets: map[string]netip.AddrPort{}, Held: maps.Clone(r.held), VIPs: maps.Clone(r.vips), Publish: r.publish,
		Names: map[string]map[string]netip.Addr{}, Ports: map[string]uint16{},
	}
	for service, g := range r.live {
		routes.Targets[service] = g.target()
	}
	maps.Copy(routes.Targets, r.external)
	r.divertAll(&routes)
	for instance, j := range r.joined {
		names := map[string]netip.Addr{}
		s := r.services[j.service]
		for _, name := range slices.Concat(s.Needs, s.Knows) {
			vip, found := r.vips[name]
			switch {
			case name == j.service:
				names[name] = j.address
			case found:
				names[name] = vip
			case routes.Targets[name].IsValid():
				names[name] = routes.Targets[name].Addr()
			}
		}
		routes.Names[instance] = names
	}
	return routes
}

// divertAll has routes lead to where services are diverted to.
func (r *routing) divertAll(routes *Routes) {
	for service, to := range r.diverted {
		s, cared := r.services[service]
		if !cared {
			continue
		}
		if s.Port == 0 {
			s.Port = routes.Targets[service].Port()
		}
		routes.Ports[service], routes.Targets[service] = s.Port, to
		delete(routes.Held, service)
	}
}

// apply hands the whole to the router, for the owner.
func (r *routing) apply(ctx context.Context) error {
	changed, err := r.router.Set(ctx, r.routes())
	r.note(changed, err)
	return err
}

func (r *routing) note(changed []string, err error) {
	for _, instance := range changed {
		if j := r.joined[instance]; j != nil {
			j.stale = true
		}
	}
	drift := (*DriftError)(nil)
	if errors.As(err, &drift) || err == nil {
		r.drift = drift
	}
	r.show()
}

// set makes all moves as one act, or none, and says by service what was live
// before. Each generation that goes live has the next ordinal then.
func (r *routing) set(ctx context.Context, moves ...move) (before map[string]*Generation, ordinals map[string]int, err error) {
	undone := r.do(ctx, func() {
		before = map[string]*Generation{}
		for _, m := range moves {
			if before[m.service] = r.live[m.service]; !m.any && r.live[m.service].Name() != m.from.Name() {
				err = errMoved
				return
			}
			if _, stays := r.services[m.service]; !stays && m.to != nil {
				err = errGone
				return
			}
		}
		r.point(moves)
		if err = r.apply(ctx); err != nil {
			for service, g := range before {
				r.noteLive(service, g)
			}
			r.show()
			return
		}
		ordinals = map[string]int{}
		for _, m := range moves {
			if m.to != nil {
				r.ordinals[m.service]++
				ordinals[m.service] = r.ordinals[m.service]
				if j := r.joined[m.to.Name()]; j != nil {
					j.reloads = true
				}
			}
		}
		r.show()
	})
	return before, ordinals, errors.Join(err, undone)
}

// undo has names and ports lead where they led before moves that were made. Where
// that cannot be done yet it is what shall be all the same, as repair sees to.
func (r *routing) undo(ctx context.Context, before map[string]*Generation, moves ...move) (err error) {
	undone := r.do(ctx, func() {
		var services []string
		for _, m := range moves {
			if r.live[m.service].Name() == m.to.Name() {
				r.noteLive(m.service, before[m.service])
				services = append(services, m.service)
			}
		}
		if err = r.apply(ctx); err == nil {
			return
		}
		// Set leads all back or none: here each has to go back that can.
		var changed []string
		changed, _, err = r.router.Repair(ctx, r.routes())
		r.note(changed, err)
		if drift := (*DriftError)(nil); err != nil && !errors.As(err, &drift) {
			r.drift = &DriftError{Services: services, Err: err}
			r.show()
		}
	})
	return errors.Join(err, undone)
}

func (r *routing) point(moves []move) {
	for _, m := range moves {
		r.noteLive(m.service, m.to)
	}
}

// noteLive notes what is live of a service; nil: nothing is.
func (r *routing) noteLive(service string, g *Generation) {
	if g == nil {
		delete(r.live, service)
	} else {
		r.live[service] = g
	}
}

// update notes what is known of live generations by now.
func (r *routing) update(ctx context.Context, all []*Generation) {
	_ = r.do(ctx, func() {
		for _, g := range all {
			if r.live[g.Service].Name() == g.Name() {
				r.live[g.Service] = g
			}
		}
		r.show()
	})
}

// repair puts back what somebody else has changed, and says what it was.
func (r *routing) repair(ctx context.Context) (repaired []string, err error) {
	undone := r.do(ctx, func() {
		var changed []string
		changed, repaired, err = r.router.Repair(ctx, r.routes())
		r.note(changed, err)
	})
	return repaired, errors.Join(err, undone)
}
