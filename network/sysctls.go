package network

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Two sysctls are changed while there are rules, and set back afterwards. What
// they were before is kept in the comment of the rule that needs the first, so
// that whoever removes the rule knows it, also after a crash.
//
// A packet from 127.0.0.1 leaves by the bridge only with route_localnet of that
// bridge (Documentation/networking/ip-sysctl.rst).
//
// The kernel keeps a connection that its server has reset for ten seconds more,
// and does not take a caller's SYN from the same port for a new one then
// (tcp_conntracks in nf_conntrack_proto_tcp.c): that is led where the first had
// gone, to a generation that may be no more. JVMs reset connections of which
// they have not read all, and callers use a port again within milliseconds.
// With closeTimeout at 0 such a connection has expired when the SYN comes. That
// one is kept for retransmissions alone, which a kernel on the same machine
// does not need.
const (
	closeTimeout        = "netfilter/nf_conntrack_tcp_timeout_close"
	usualCloseTimeout   = "10" // tcp_timeouts in nf_conntrack_proto_tcp.c
	sysctlNote          = "sysctls were"
	forwarding          = "ipv4/ip_forward"
	localnetBefore      = "ipv4/conf/"
	localnetAfter       = "/route_localnet"
	longestSysctlNumber = 10
)

func localnetOf(bridge string) string { return localnetBefore + bridge + localnetAfter }

// wiredSysctls are what sysctls are while there are rules for a bridge.
func wiredSysctls(bridge string) map[string]string {
	return map[string]string{localnetOf(bridge): "1", closeTimeout: "0"}
}

// usualSysctls are what the kernel begins with. Where rules are gone with their
// note, and an address of ours says that there were some (it is put on the
// bridge after all else), what is as the rules want it is taken to be our doing.
// Without service addresses nothing tells of such rules.
func usualSysctls(bridge string) map[string]string {
	return map[string]string{localnetOf(bridge): "0", closeTimeout: usualCloseTimeout}
}

// noteSysctls is the text that keeps values.
func noteSysctls(values map[string]string) string {
	note := sysctlNote
	for _, name := range slices.Sorted(maps.Keys(values)) {
		note += " " + name + "=" + values[name]
	}
	return note
}

// notedSysctls gives the earlier values that the rules remember.
func notedSysctls(have tables) map[string]string {
	before := map[string]string{}
	for _, r := range have["nat"].in(ownChain + "-POST") {
		note, marked := strings.CutPrefix(r.comment(), "jarloop: "+sysctlNote+" ")
		if !marked {
			continue
		}
		for _, field := range strings.Fields(note) {
			if name, value, ok := strings.Cut(field, "="); ok && isOurSysctl(name) && isSysctlNumber(value) {
				before[name] = value
			}
		}
	}
	return before
}

// isOurSysctl keeps a comment that somebody has forged from having others set.
func isOurSysctl(name string) bool {
	bridge, before := strings.CutPrefix(name, localnetBefore)
	bridge, after := strings.CutSuffix(bridge, localnetAfter)
	return name == closeTimeout || before && after && isInterface(bridge)
}

func isSysctlNumber(s string) bool {
	return s != "" && len(s) <= longestSysctlNumber && strings.Trim(s, "0123456789") == ""
}

// remember finds out what the sysctls that the rules need were before us, from
// what was noted of that, and sets back those that they need no more: all of
// them, or another bridge's.
func (p *Ports) remember(before map[string]string, there []held, wired bool) (changed bool, err error) {
	for name, value := range p.before {
		if before[name] == "" {
			before[name] = value // somebody took the rule away
		}
	}
	p.before = nil
	if slices.ContainsFunc(there, func(h held) bool { return h.ours && h.here }) {
		for name, value := range usualSysctls(p.bridge) {
			now, err := p.host.sysctl(name)
			if before[name] == "" && err == nil && now == wiredSysctls(p.bridge)[name] {
				before[name] = value // and the agent has not lived to put it back
			}
		}
	}
	if wired {
		needed := map[string]string{}
		for name := range wiredSysctls(p.bridge) {
			now, err := p.now(name)
			if err != nil {
				return false, err
			}
			needed[name] = cmp.Or(before[name], now)
			delete(before, name)
		}
		p.before = needed
	}
	return restore(p.host, before)
}

// now reads a sysctl that the rules need. Without the bridge there is no
// route_localnet of it; without a rule for nat nothing tracks connections yet.
func (p *Ports) now(name string) (string, error) {
	value, err := p.host.sysctl(name)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return value, err
	case name == closeTimeout:
		return usualCloseTimeout, nil
	}
	return "", fmt.Errorf("look for bridge %s (%s): %w", p.bridge, bridgeRemedy, err)
}

// restore sets sysctls back. Those of a bridge that is gone are gone.
func restore(h host, before map[string]string) (changed bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		did, err := ensure(h, name, before[name])
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return changed, err
		}
		changed = changed || did
	}
	return changed, nil
}

// open makes the kernel and the bridge what the rules rely on: the sysctls, which
// only the rules make safe, and the bridge's MAC address (pin).
func (p *Ports) open() (changed bool, err error) {
	if err := p.host.pin(p.bridge); err != nil {
		return false, err
	}
	for name, value := range wiredSysctls(p.bridge) {
		did, err := ensure(p.host, name, value)
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	forward, err := ensure(p.host, forwarding, "1")
	if forward && err == nil {
		p.notes("turned net.ipv4.ip_forward on, which published ports and service addresses need; it stays on")
	}
	return changed || forward, err
}

// ensure sets a sysctl to a value and says whether it was another one.
func ensure(h host, name, value string) (changed bool, err error) {
	now, err := h.sysctl(name)
	if err != nil || now == value {
		return false, err
	}
	return true, h.setSysctl(name, value)
}
