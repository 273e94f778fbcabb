package network

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
)

// backTime is how long going back may take, whatever became of the caller.
const backTime = 30 * time.Second

// Options are what a Router works with.
type Options struct {
	// Bridge is that of the instances, which must be up.
	Bridge string
	// Subnet is the bridge's own address with its prefix, as Range gives it, or
	// that masked.
	Subnet netip.Prefix
	// Files are those of the instances, in which names are written.
	Files Files
	// Notes receives what a person should know of what was done to the VM, a line
	// each, in the midst of a call. nil: nobody wants it.
	Notes func(string)
}

// Router points names, ports and virtual IPs of this machine at generations. It
// remembers what it has done, so that what has not changed costs nothing. The
// first Set, and one after an error, looks at everything, as Repair does.
//
// It is used by one goroutine at a time.
type Router struct {
	files Files
	ports *switchboard
	claim *net.UnixListener // nil: somebody keeps it from being claimed

	aim   *deployer.Routes                 // what was last made so, or is tried to be kept so; nil at first
	names map[string]map[string]netip.Addr // what each instance was given; one that is unknown is missing
}

var _ deployer.Router = (*Router)(nil)

// NewRouter makes the Router of this machine, of which there is one: it takes
// names and ports for this process. It changes nothing yet. The caller closes it.
func NewRouter(o Options) (*Router, error) {
	if err := checkBridge(o.Bridge, o.Subnet); err != nil {
		return nil, err
	}
	k, err := newVM("iptables")
	if err != nil {
		return nil, err
	}
	held, err := claim()
	if err != nil {
		return nil, err
	}
	r := newRouter(k, o)
	r.claim = held
	return r, nil
}

func newRouter(k kernel, o Options) *Router {
	if o.Notes == nil {
		o.Notes = func(string) {}
	}
	return &Router{
		files: o.Files, ports: newSwitchboard(k, o.Bridge, o.Subnet, o.Notes),
		names: map[string]map[string]netip.Addr{},
	}
}

// Close lets another process have names and ports. It changes none.
func (r *Router) Close() error {
	if r.claim == nil {
		return nil
	}
	defer func() { r.claim = nil }()
	return r.claim.Close()
}

// Set makes names, then ports and virtual IPs, what to asks for. Where a part
// fails all go back to what was before it returns. See deployer.Router.
func (r *Router) Set(ctx context.Context, to deployer.Routes) (changed []string, err error) {
	to = clone(to)
	if err := checkRoutes(r.ports.bridge, r.ports.subnet, to); err != nil {
		return nil, err
	}
	var touched []string // instances whose names are others now, or may be
	for _, instance := range slices.Sorted(maps.Keys(to.Names)) {
		if known, ok := r.names[instance]; ok && maps.Equal(known, to.Names[instance]) {
			continue
		}
		did, err := r.write(ctx, instance, to.Names[instance])
		if did {
			changed = append(changed, instance)
		}
		if did || err != nil {
			touched = append(touched, instance)
		}
		if err != nil {
			return r.goBack(ctx, to, touched, changed, false, err)
		}
	}
	if err := r.switchTo(ctx, to); err != nil {
		return r.goBack(ctx, to, touched, changed, true, err)
	}
	r.ports.moveDatagrams(r.aim, to)
	r.accept(to)
	return changed, nil
}

// goBack puts back what was, after the error why: the names of the instances that
// were touched, some of which have changed, and ports if those were touched. It
// gives what Set does.
func (r *Router) goBack(ctx context.Context, from deployer.Routes, touched, changed []string, ports bool, why error) ([]string, error) {
	if r.aim == nil { // nobody knows what was
		if len(changed) == 0 && !ports {
			return nil, why
		}
		return changed, &deployer.DriftError{Err: why}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTime)
	defer cancel()
	var d drift
	for _, instance := range touched {
		_, err := r.write(ctx, instance, r.aim.Names[instance])
		d.note(err, from.Names[instance], r.aim.Names[instance])
		if err == nil {
			changed = slices.DeleteFunc(changed, func(other string) bool { return other == instance })
		}
	}
	if ports {
		_, err := r.converge(ctx, *r.aim)
		d.note(err)
	}
	if err := d.err(); err != nil {
		err.Err = errors.Join(why, fmt.Errorf("go back: %w", err.Err))
		return changed, err
	}
	return nil, why
}

// Repair is Set where somebody else may have changed something. It goes on where
// a part fails. See deployer.Router.
func (r *Router) Repair(ctx context.Context, to deployer.Routes) (changed, repaired []string, err error) {
	to = clone(to)
	var d drift
	for _, instance := range slices.Sorted(maps.Keys(to.Names)) {
		did, err := r.write(ctx, instance, to.Names[instance])
		d.note(err, to.Names[instance])
		if did {
			changed = append(changed, instance)
			repaired = append(repaired, "hosts file of "+instance)
		}
	}
	did := false
	if err = checkRoutes(r.ports.bridge, r.ports.subnet, to); err == nil {
		did, err = r.converge(ctx, to)
	}
	d.note(err)
	if did {
		repaired = append(repaired, "iptables rules")
	}
	r.ports.moveDatagrams(r.aim, to)
	r.accept(to)
	if err := d.err(); err != nil {
		return changed, repaired, err
	}
	return changed, repaired, nil
}

// Forget drops what the kernel remembers of connections to an address.
func (r *Router) Forget(addr netip.Addr) error { return forget(addr) }

// VIPs gives the virtual IPs that the rules name, by service.
func (r *Router) VIPs(ctx context.Context) (map[string]netip.Addr, error) {
	have, err := r.ports.kernel.rules(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the virtual IPs: %w", err)
	}
	return vipsIn(have), nil
}

// write gives an instance its names. One that does not run any more calls nobody: it
// gets them when it is started again, and one whose machine is away by a repair when that
// is back.
func (r *Router) write(ctx context.Context, instance string, names map[string]netip.Addr) (changed bool, err error) {
	defer crash.Point("names")()
	delete(r.names, instance)
	changed, err = writeHosts(ctx, r.files, instance, names)
	if errors.Is(err, deployer.ErrStopped) || errors.Is(err, deployer.ErrAway) {
		return false, nil
	}
	if err == nil {
		r.names[instance] = names
	}
	return changed, err
}

func (r *Router) switchTo(ctx context.Context, to deployer.Routes) error {
	defer crash.Point("ports")()
	return r.ports.set(ctx, to)
}

func (r *Router) converge(ctx context.Context, to deployer.Routes) (changed bool, err error) {
	defer crash.Point("repair ports")()
	return r.ports.converge(ctx, to)
}

// accept makes to what is to be kept so. Of instances that it does not name
// nothing is known any more.
func (r *Router) accept(to deployer.Routes) {
	r.aim = &to
	maps.DeleteFunc(r.names, func(instance string, _ map[string]netip.Addr) bool {
		_, found := to.Names[instance]
		return !found
	})
}

// clone gives routes that the caller's maps are no part of.
func clone(r deployer.Routes) deployer.Routes {
	names := map[string]map[string]netip.Addr{}
	for instance, of := range r.Names {
		names[instance] = maps.Clone(of)
	}
	return deployer.Routes{
		Targets: maps.Clone(r.Targets), Ports: maps.Clone(r.Ports), Held: maps.Clone(r.Held), VIPs: maps.Clone(r.VIPs),
		Publish: slices.Clone(r.Publish), Names: names,
	}
}

// RemoveRules removes every rule, virtual IP and changed sysctl of ours, unless an
// agent has them, which is ErrHeld. It needs no bridge, and no Router.
func RemoveRules(ctx context.Context, bridge string) error {
	defer crash.Point("remove rules")()
	k, err := newVM("iptables")
	if err != nil {
		return err
	}
	held, err := claim()
	if err != nil {
		return err
	}
	if held != nil {
		defer held.Close()
	}
	return newSwitchboard(k, bridge, netip.Prefix{}, func(string) {}).remove(ctx)
}
