package network

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
)

// Ports leads ports of the VM, and service addresses, to services by chains of
// its own:
//
//	nat                                        ┌─ own chains ──────────────────────────────┐
//	PREROUTING  to the VM itself ────────────▶ │ JARLOOP      -i lxcbr0  ────────────────┐ │
//	                                           │              -i eth0    port 80 ──┐     │ │
//	                                           │              -i lxcbr0  port 80 ──┤     │ │
//	OUTPUT      to the VM itself ────────────▶ │ JARLOOP-OUT             port 80 ──┤     │ │
//	                                           │                         ──────────┼─────┤ │
//	                                           │                                   ▼     │ │
//	                                           │ JARLOOP-80   DNAT to 10.0.3.131:8080    │ │
//	                                           │                                         ▼ │
//	                                           │ JARLOOP-SERVICES                          │
//	                                           │   to 10.0.3.101  DNAT to 10.0.3.131       │
//	                                           │   to 10.0.3.102  ACCEPT: nothing is live  │
//	POSTROUTING ─────────────────────────────▶ │ JARLOOP-POST                              │
//	                                           │   bridge→bridge       NETMAP to the twin  │
//	                                           │   127.0.0.0/8→bridge  MASQUERADE          │
//	filter                                     │                                           │
//	FORWARD, DOCKER-USER ────────────────────▶ │ JARLOOP-FWD  ACCEPT led here, answers,    │
//	                                           │              between containers           │
//	INPUT ───────────────────────────────────▶ │ JARLOOP-IN   DROP containers→127/8        │
//	                                           │ JARLOOP-SELF to a service address, not    │
//	                                           │              led on ──▶ JARLOOP-REFUSE    │
//	                                           └───────────────────────────────────────────┘
//
// All ways to a port pass one rule, and all ways to a service address another,
// so a switch is one replacement of each, which the kernel makes as a whole: a
// new connection meets the old target or the new one. Connections that are open
// keep theirs, because the nat table is only asked about the first packet of
// each. A service without a target has an empty chain, and its port refuses
// connections.
//
// A service address belongs to the bridge itself, as one of many, so that the
// VM answers ARP for it; containers and the VM reach the live generation by it,
// with every protocol and port. Without a target it refuses, also for what of
// the VM's own listens on every address. The live generation sees who asks as
// its twin: 10.0.3.131 as 10.128.3.131; see hairpinRule. Without service
// addresses, JARLOOP-POST has a masquerade instead.
// The kernel sends no ICMP redirects about connections that are led elsewhere
// (nf_nat_icmp_reply_translation), so send_redirects may be on.
//
// Every rule bears a comment that begins with "jarloop", and every address a
// label that ends in ":jarloop". Chains named JARLOOP or JARLOOP-… and rules
// that jump to them are ours; all others are left as they are and in their
// order. The jumps are put at the head of their chains, before rules of others
// for the same port.
//
// One way is closed: where frames inside the bridge pass iptables
// (br_netfilter, which Docker loads), a container that asks a port of the VM or
// a service address that leads to itself gets no answer, as the bridge sends no
// frame back to where it came from.
//
// Three sysctls are needed. net.ipv4.ip_forward is turned on where it is off and
// never off again: LXC and Docker turn it on as well, and one cannot tell who
// else relies on it by then. The others are set back by Remove; see
// closeTimeout.
//
// The rules are the truth: a new Ports takes over what an earlier one left,
// at whatever point that ended. A Ports may be used by several goroutines.
type Ports struct {
	bridge    string
	subnet    netip.Prefix
	publishes []Publish
	program   string // iptables; named the same with "-save" after it is what prints all rules
	notes     func(string)
	host      host

	// busy has room for the one call that works on the rules. A call whose
	// context has ended returns before its last command has; that command
	// keeps busy until it has ended too.
	busy chan struct{}

	sought bool              // whether leftovers were looked for, where no rules are wanted
	known  *Wiring           // what the rules lead to; nil if unknown
	before map[string]string // what the sysctls that are set back were; nil if there are no rules
}

// PortsOption changes how a Ports works.
type PortsOption func(*Ports)

// WithNotes has f called with what a person should know of what was done to
// the VM, a line each. It is called in the midst of Set and Repair and must
// not call them.
func WithNotes(f func(string)) PortsOption { return func(p *Ports) { p.notes = f } }

// NewPorts makes a Ports for the bridge, whose containers are in subnet. It
// changes nothing yet. Without publishes and service addresses, Set and Repair
// do what Remove does, and neither bridge nor subnet need exist. The caller
// closes it.
func NewPorts(bridge string, subnet netip.Prefix, publishes []Publish, options ...PortsOption) (*Ports, error) {
	p := &Ports{
		bridge: bridge, subnet: subnet, publishes: slices.Clone(publishes),
		program: "iptables", notes: func(string) {}, busy: make(chan struct{}, 1),
	}
	if err := checkPublishes(publishes); err != nil {
		return nil, err
	}
	if len(publishes) > 0 {
		if err := checkBridge(bridge, subnet); err != nil {
			return nil, err
		}
	}
	for _, o := range options {
		o(p)
	}
	v, err := newVM(p.program)
	if err != nil {
		return nil, err
	}
	p.host = v
	return p, nil
}

// Publish makes publishes the ports that are led to services, in place of those
// that there were. The rules follow with the next Set or Repair.
func (p *Ports) Publish(ctx context.Context, publishes []Publish) error {
	if err := checkPublishes(publishes); err != nil {
		return err
	}
	if len(publishes) > 0 {
		if err := checkBridge(p.bridge, p.subnet); err != nil {
			return err
		}
	}
	_, err := p.work(ctx, func() (bool, error) {
		p.publishes, p.known = slices.Clone(publishes), nil
		return false, nil
	})
	return err
}

// errClosed says that a Ports was used after it was closed.
var errClosed = errors.New("ports are closed")

// Close waits for a command that a call left behind when its context ended. It
// changes no rule, and a closed Ports does nothing but give an error.
func (p *Ports) Close() error {
	p.busy <- struct{}{}
	p.host = nil
	<-p.busy
	return nil
}

// Set makes the published ports and the service addresses lead where w says;
// targets of services that have neither are passed over. It trusts that all is
// as the last call left it: where nothing has changed it does nothing, and
// where a target has moved it makes one change for the service address and one
// a port. The first call, one after an error, and one with other service
// addresses than the last is a Repair.
//
// After an error, and when ctx ends, some ports and addresses may lead to the
// new targets and some to the old, each to one of them.
func (p *Ports) Set(ctx context.Context, w Wiring) (changed bool, err error) {
	return p.work(ctx, func() (bool, error) {
		want, err := p.wanted(w)
		if err != nil || p.known != nil && p.known.equal(want) {
			return false, err
		}
		if p.known != nil && maps.Equal(p.known.Addresses, want.Addresses) {
			err := p.move(ctx, want)
			if err == nil || isLocked(err) { // a lock that was waited for is not waited for once more
				return err == nil, err
			}
		}
		return p.converge(ctx, p.publishes, want)
	})
}

// Repair does the same as Set, but looks at every rule and at the addresses of
// the bridge, and mends what others have harmed. It says whether anything was
// not as it should be.
func (p *Ports) Repair(ctx context.Context, w Wiring) (changed bool, err error) {
	return p.work(ctx, func() (bool, error) {
		want, err := p.wanted(w)
		if err != nil {
			return false, err
		}
		return p.converge(ctx, p.publishes, want)
	})
}

// Remove takes away every chain, rule, jump and service address of ours, also
// those of an earlier configuration or in another variant of iptables, and
// nothing else. That there are none is
// no error.
func (p *Ports) Remove(ctx context.Context) error {
	for range 2 { // other variants of iptables are looked at where this one has nothing of ours
		if _, err := p.work(ctx, func() (bool, error) { return p.converge(ctx, nil, Wiring{}) }); err != nil {
			return err
		}
	}
	return nil
}

func (p *Ports) read(ctx context.Context) (tables, error) {
	var have tables
	_, err := p.work(ctx, func() (_ bool, err error) {
		have, err = p.host.rules(ctx)
		return false, err
	})
	if err != nil {
		return nil, err // have may yet be written to
	}
	return have, nil
}
