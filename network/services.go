package network

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
)

// The names of services are too long for those of chains, which end at 28
// characters. So all service addresses are in one chain, in which a service is
// told by the comment.
const (
	servicesChain = ownChain + "-SERVICES"
	selfChain     = ownChain + "-SELF"
	refuseChain   = ownChain + "-REFUSE"
)

// serviceChain leads each service address to its live generation. PREROUTING
// and OUTPUT pass the same rule, so that a switch is one replacement.
//
// The rule of a service without a target ends the search in the nat table: the
// published ports, which come after, are ports of the VM and not of a service.
func serviceChain(w Wiring) chain {
	c := chain{table: "nat", name: servicesChain}
	for _, service := range slices.Sorted(maps.Keys(w.Addresses)) {
		to := rule{"-d", w.Addresses[service].String()}
		if t, ok := w.Targets[service]; ok {
			c.rules = append(c.rules, slices.Concat(to, mark(service+portNote+strconv.Itoa(int(t.Port()))),
				rule{"-j", "DNAT", "--to-destination", t.Addr().String()}))
		} else {
			c.rules = append(c.rules, slices.Concat(to, mark(service), rule{"-j", "ACCEPT"}))
		}
	}
	return c
}

// portNote stands in a comment between a service and the port that its live
// generation listens on, for who reads the rules: one about every port has no
// other place for it.
const portNote = " port "

// selfChains refuse what comes to a service address and was not led on. Those
// addresses are the VM's, so whatever of its own listens on every address
// (sshd) would answer in the service's name.
//
// Open connections are let through for the VM's own sake, whose packets pass
// INPUT both ways: the refusal itself must get back to it.
func selfChains(addresses map[string]netip.Addr) []chain {
	refuse := chain{table: "filter", name: refuseChain, rules: []rule{
		slices.Concat(rule{"-p", "tcp"}, mark("nothing live"), rule{"-j", "REJECT", "--reject-with", "tcp-reset"}),
		slices.Concat(mark("nothing live"), rule{"-j", "REJECT", "--reject-with", "icmp-port-unreachable"}),
	}}
	self := chain{table: "filter", name: selfChain, jumps: []jump{{from: "INPUT"}}}
	for _, service := range slices.Sorted(maps.Keys(addresses)) {
		self.rules = append(self.rules, slices.Concat(
			rule{"-d", addresses[service].String(), "-m", "conntrack", "!", "--ctstate", "RELATED,ESTABLISHED,DNAT"},
			mark(service), rule{"-j", refuseChain}))
	}
	return []chain{refuse, self}
}

// hairpinRule has the answers of one container to another, which was asked by a
// service address, come back through the VM: the source of what is asked
// becomes its twin, an address that is not on the bridge.
//
// A masquerade would do that too, but give all who ask one address. Then the
// connections of one come from ports that another, or the generation before,
// has just used. For the side that was asked, which may still keep those in
// TIME_WAIT, such a connection looks like a packet that is late, because the
// clocks for TCP timestamps differ (PAWS, RFC 7323); some thousands of
// connections a second lose one in a thousand for a second so. With twins, every
// container keeps all its ports to itself.
//
// The way back is by the default route of the container that was asked, which
// goes through the VM as it does for who asks a published port.
func hairpinRule(subnet, twin netip.Prefix) rule {
	return slices.Concat(
		rule{"-s", subnet.Masked().String(), "-d", subnet.Masked().String(), "-m", "conntrack", "--ctstate", "DNAT"},
		mark("twins"), rule{"-j", "NETMAP", "--to", twin.String()})
}

// twinOf gives a subnet as large as this one, and as private (RFC 1918), so
// that who trusts private addresses trusts it: 10.0.3.0/24 has 10.128.3.0/24,
// 172.17.0.0/16 has 172.25.0.0/16, and 192.168.122.0/24 has 192.168.250.0/24.
// It may be in use elsewhere, as its addresses are met by the containers only,
// and there only as those who ask. A subnet that is not private, or a whole
// private block, has none.
func twinOf(subnet netip.Prefix) (twin netip.Prefix, ok bool) {
	for _, block := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
		if b := netip.MustParsePrefix(block); b.Contains(subnet.Addr()) && subnet.Bits() > b.Bits() {
			first := toUint(subnet.Masked().Addr()) ^ 1<<(31-b.Bits())
			return netip.PrefixFrom(fromUint(first), subnet.Bits()), true
		}
	}
	return netip.Prefix{}, false
}
