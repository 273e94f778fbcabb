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
// (tcp_conntracks in nf_conntrack_proto_tcp.c): it goes where the first had
// gone, to a generation that may be no more. JVMs reset connections of which
// they have not read all, and callers use a port again within milliseconds.
// With closeTimeout at 0 such a connection has expired when the SYN comes. That
// one is kept for retransmissions alone, which a kernel on the same machine
// does not need.
//
// net.ipv4.ip_forward is turned on where it is off, and never off again: LXC and
// Docker turn it on as well, and nobody knows who else relies on it by then.
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

// neededSysctls are what sysctls are while there are rules for a bridge.
func neededSysctls(bridge string) map[string]string {
	return map[string]string{localnetOf(bridge): "1", closeTimeout: "0"}
}

// usualSysctls are what the kernel begins with. Where rules are gone with their
// note, and an address of ours shows that there were some (it is put on the
// bridge after all else), what is as the rules want it is taken to be our doing.
// Without virtual IPs nothing tells of such rules.
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
	for _, r := range have["nat"].in(postChain) {
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

// sysctls are those that the rules of a bridge need.
type sysctls struct {
	kernel kernel
	bridge string
	before map[string]string // what those that are set back were; nil if there are no rules
}

// remember finds out what the sysctls were before us, from what was noted of
// that, and sets back those that are needed no more: all of them, or another
// bridge's. vips says that there are virtual IPs of ours on the bridge.
func (s *sysctls) remember(before map[string]string, vips, needed bool) (changed bool, err error) {
	for name, value := range s.before {
		if before[name] == "" {
			before[name] = value // somebody took the rule away
		}
	}
	s.before = nil
	if vips {
		for name, value := range usualSysctls(s.bridge) {
			now, err := s.kernel.sysctl(name)
			if before[name] == "" && err == nil && now == neededSysctls(s.bridge)[name] {
				before[name] = value // and the agent has not lived to put it back
			}
		}
	}
	if needed {
		kept := map[string]string{}
		for name := range neededSysctls(s.bridge) {
			now, err := s.now(name)
			if err != nil {
				return false, err
			}
			kept[name] = cmp.Or(before[name], now)
			delete(before, name)
		}
		s.before = kept
	}
	return s.restore(before)
}

// now reads a sysctl that the rules need. Without the bridge there is no
// route_localnet of it; without a rule for nat nothing tracks connections yet.
func (s *sysctls) now(name string) (string, error) {
	value, err := s.kernel.sysctl(name)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return value, err
	case name == closeTimeout:
		return usualCloseTimeout, nil
	}
	return "", fmt.Errorf("look for bridge %s (%s): %w", s.bridge, bridgeRemedy, err)
}

// restore sets sysctls back. Those of a bridge that is gone are gone.
func (s *sysctls) restore(before map[string]string) (changed bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		did, err := s.ensure(name, before[name])
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return changed, err
		}
		changed = changed || did
	}
	return changed, nil
}

// open sets what the rules rely on, which only the rules make safe, and says
// whether anything changed, forwarding among it.
func (s *sysctls) open() (changed, forwards bool, err error) {
	for name, value := range neededSysctls(s.bridge) {
		did, err := s.ensure(name, value)
		if err != nil {
			return changed, false, err
		}
		changed = changed || did
	}
	forwards, err = s.ensure(forwarding, "1")
	return changed || forwards, forwards, err
}

// ensure sets a sysctl to a value and says whether it was another one.
func (s *sysctls) ensure(name, value string) (changed bool, err error) {
	now, err := s.kernel.sysctl(name)
	if err != nil || now == value {
		return false, err
	}
	return true, s.kernel.setSysctl(name, value)
}
