package network

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Wiring is what names and ports shall lead to. The zero Wiring leads nowhere.
type Wiring struct {
	// Targets gives, by service, where its live generation listens. A service
	// without one refuses connections.
	Targets map[string]netip.AddrPort

	// Addresses gives, by service, its service address: one of the bridge's
	// subnet that nobody has. A service without one is reached at the address
	// of its live generation alone.
	// Answers come back by the default route of the container that was asked,
	// which must go through the bridge.
	Addresses map[string]netip.Addr
}

func (w Wiring) equal(other Wiring) bool {
	return maps.Equal(w.Targets, other.Targets) && maps.Equal(w.Addresses, other.Addresses)
}

// wanted gives the part of w that rules are made of: a copy, with the targets
// of services that have a port or an address.
func (p *Ports) wanted(w Wiring) (Wiring, error) {
	want := Wiring{Targets: map[string]netip.AddrPort{}, Addresses: maps.Clone(w.Addresses)}
	for service, t := range w.Targets {
		_, addressed := w.Addresses[service]
		if addressed || slices.ContainsFunc(p.publishes, func(p Publish) bool { return p.Service == service }) {
			want.Targets[service] = t
		}
	}
	return want, errors.Join(checkTargets(want.Targets), p.checkAddresses(want))
}

// checkTargets finds addresses that nothing can be sent to.
func checkTargets(targets map[string]netip.AddrPort) error {
	var errs []error
	for service, t := range targets {
		if !t.Addr().Is4() || t.Addr().IsUnspecified() || t.Port() == 0 {
			errs = append(errs, fmt.Errorf("lead ports to %s at %s: not an IPv4 address and a port", service, t))
		}
	}
	return errors.Join(errs...)
}

// checkAddresses finds service addresses that the bridge cannot have.
func (p *Ports) checkAddresses(w Wiring) error {
	if len(w.Addresses) == 0 {
		return nil
	}
	if err := checkBridge(p.bridge, p.subnet); err != nil {
		return err
	}
	taken := map[netip.Addr]string{}
	for service, t := range w.Targets {
		taken[t.Addr()] = "the live generation of " + service
	}
	var errs []error
	for _, service := range slices.Sorted(maps.Keys(w.Addresses)) {
		addr := w.Addresses[service]
		owner, twice := taken[addr]
		reason := ""
		switch {
		case !isLabel(service):
			reason = "that is no name of a service"
		case !p.subnet.Contains(addr) || addr == p.subnet.Masked().Addr() || addr == broadcast(p.subnet):
			reason = fmt.Sprintf("not an address of the bridge's subnet %s", p.subnet.Masked())
		case twice:
			reason = owner + " has it"
		}
		if reason != "" {
			errs = append(errs, fmt.Errorf("give %q the service address %s: %s", service, addr, reason))
		}
		taken[addr] = service
	}
	return errors.Join(errs...)
}

// checkBridge finds what no rule about a bridge can be made of.
func checkBridge(bridge string, subnet netip.Prefix) error {
	if !isInterface(bridge) || !subnet.IsValid() || !subnet.Addr().Is4() {
		return fmt.Errorf("lead to containers of bridge %q with subnet %s: not a bridge with an IPv4 subnet", bridge, subnet)
	}
	return nil
}
