package network

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Ports leads ports of the VM to services, by chains of its own:
//
//	nat                                        ┌─ own chains ──────────────────────────┐
//	PREROUTING  to the VM itself ────────────▶ │ JARLOOP      -i eth0    port 80 ──┐   │
//	                                           │              -i lxcbr0  port 80 ──┤   │
//	OUTPUT      to the VM itself ────────────▶ │ JARLOOP-OUT             port 80 ──┤   │
//	                                           │                                   ▼   │
//	                                           │ JARLOOP-80   DNAT to 10.0.3.131:8080  │
//	POSTROUTING ─────────────────────────────▶ │ JARLOOP-POST MASQUERADE bridge→bridge │
//	                                           │              and 127.0.0.0/8→bridge   │
//	filter                                     │                                       │
//	FORWARD, DOCKER-USER ────────────────────▶ │ JARLOOP-FWD  ACCEPT led here, answers,│
//	                                           │              between containers       │
//	INPUT ───────────────────────────────────▶ │ JARLOOP-IN   DROP containers→127/8    │
//	                                           └───────────────────────────────────────┘
//
// All ways to a port pass one rule, so a switch is one replacement, which the
// kernel makes as a whole: a new connection meets the old target or the new
// one. Connections that are open keep theirs, because the nat table is only
// asked about the first packet of each. A service without a target has an
// empty chain, and its port refuses connections.
//
// Every rule bears a comment that begins with "jarloop". Chains named JARLOOP
// or JARLOOP-… and rules that jump to them are ours; all others are left as
// they are and in their order. The jumps are put at the head of their chains,
// before rules of others for the same port.
//
// One way is closed: where frames inside the bridge pass iptables
// (br_netfilter, which Docker loads), a container that asks a port of the VM
// that leads to itself gets no answer, as the bridge sends no frame back to
// where it came from.
//
// Two sysctls are needed. net.ipv4.ip_forward is turned on where it is off and
// never off again: LXC and Docker turn it on as well, and one cannot tell who
// else relies on it by then. route_localnet of the bridge is set back by
// Remove; see localnetNote.
//
// The rules are the truth: a new Ports takes over what an earlier one left,
// at whatever point that ended. A Ports may be used by several goroutines.
type Ports struct {
	bridge    string
	subnet    netip.Prefix
	publishes []Publish
	program   string
	notes     func(string)
	host      host

	// busy has room for the one call that works on the rules. A call whose
	// context has ended returns before its last command has; that command
	// keeps busy until it has ended too.
	busy chan struct{}

	known  map[string]netip.AddrPort // what the rules lead to; nil if unknown
	before string                    // what route_localnet was; empty if unknown
}

// PortsOption changes how a Ports works.
type PortsOption func(*Ports)

// WithIPTables names the iptables program, which must have a sibling that
// prints all rules, named the same with "-save" after it. The default is
// "iptables".
func WithIPTables(program string) PortsOption { return func(p *Ports) { p.program = program } }

// WithNotes has f called with what a person should know of what was done to
// the VM, a line each. It is called in the midst of Set and Repair and must
// not call them.
func WithNotes(f func(string)) PortsOption { return func(p *Ports) { p.notes = f } }

// NewPorts makes a Ports for the bridge, whose containers are in subnet. It
// changes nothing yet. Without publishes, Set and Repair do what Remove does,
// and neither bridge nor subnet need exist. The caller closes it.
func NewPorts(bridge string, subnet netip.Prefix, publishes []Publish, options ...PortsOption) (*Ports, error) {
	p := &Ports{
		bridge: bridge, subnet: subnet, publishes: slices.Clone(publishes),
		program: "iptables", notes: func(string) {}, busy: make(chan struct{}, 1),
	}
	if err := checkPublishes(publishes); err != nil {
		return nil, err
	}
	if len(publishes) > 0 && (!isInterface(bridge) || !subnet.IsValid() || !subnet.Addr().Is4()) {
		return nil, fmt.Errorf("publish ports to bridge %q with subnet %s: not a bridge with an IPv4 subnet", bridge, subnet)
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

// ErrClosed says that a Ports was used after it was closed.
var ErrClosed = errors.New("ports are closed")

// Close waits for a command that a call left behind when its context ended. It
// changes no rule, and a closed Ports gives ErrClosed.
func (p *Ports) Close() error {
	p.busy <- struct{}{}
	p.host = nil
	<-p.busy
	return nil
}

// Set makes the published ports lead to targets, by service; services that are
// not published are passed over. It trusts that the rules are as the last call
// left them: where nothing has changed it does nothing, and where a target
// has moved it makes one change a port. The first call, and one after an
// error, is a Repair.
//
// After an error, and when ctx ends, some ports may lead to the new targets
// and some to the old, each port to one of them.
func (p *Ports) Set(ctx context.Context, targets map[string]netip.AddrPort) (changed bool, err error) {
	return p.work(ctx, func() (bool, error) {
		want, err := p.published(targets)
		if err != nil || maps.Equal(p.known, want) && p.known != nil {
			return false, err
		}
		if p.known != nil && p.move(ctx, want) == nil {
			return true, nil
		}
		return p.converge(ctx, p.publishes, want)
	})
}

// Repair does the same as Set, but looks at every rule, and mends those that
// others have harmed. It says whether anything was not as it should be.
func (p *Ports) Repair(ctx context.Context, targets map[string]netip.AddrPort) (changed bool, err error) {
	return p.work(ctx, func() (bool, error) {
		want, err := p.published(targets)
		if err != nil {
			return false, err
		}
		return p.converge(ctx, p.publishes, want)
	})
}

// Remove takes away every chain, rule and jump of ours, also those of an
// earlier configuration, and nothing else. That there are none is no error.
func (p *Ports) Remove(ctx context.Context) error {
	_, err := p.work(ctx, func() (bool, error) { return p.converge(ctx, nil, nil) })
	return err
}

// Targets reads from the rules where each service that has a target is.
func (p *Ports) Targets(ctx context.Context) (map[string]netip.AddrPort, error) {
	var targets map[string]netip.AddrPort
	_, err := p.work(ctx, func() (bool, error) {
		have, err := p.host.rules(ctx)
		targets = readTargets(have)
		return false, err
	})
	if err != nil {
		return nil, fmt.Errorf("read where the ports lead to: %w", err)
	}
	return targets, nil
}
