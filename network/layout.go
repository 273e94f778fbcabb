package network

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/jarloop/jarloop/deployer"
)

// The names of services are too long for those of chains, which end at 28
// characters. So all virtual IPs are in one chain, in which a service is known
// by the comment.
const (
	vipChain    = ownChain + "-SERVICES"
	selfChain   = ownChain + "-SELF"
	refuseChain = ownChain + "-REFUSE"
	postChain   = ownChain + "-POST"
)

// needsRules says whether there is anything to make rules for.
func needsRules(r deployer.Routes) bool { return len(r.Publish) > 0 || len(r.VIPs) > 0 }

// layout gives the rules for routes; see the package's comment. note is kept in
// the comment of the rule that it is about.
func layout(bridge string, subnet netip.Prefix, r deployer.Routes, note string) ruleset {
	if !needsRules(r) {
		return ruleset{}
	}
	in, out := chain{table: "nat", name: ownChain}, chain{table: "nat", name: ownChain + "-OUT"}
	away := outside(subnet, r)
	chains := filterChains(bridge, r, away)
	if len(r.VIPs) > 0 {
		chains = append(chains, vips(r))
		to := slices.Concat(mark("virtual IPs"), rule{"-j", vipChain})
		in.rules = append(in.rules, slices.Concat(rule{"-i", bridge}, to))
		out.rules = append(out.rules, to)
	}
	publish := slices.SortedFunc(slices.Values(r.Publish), func(a, b deployer.Publish) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Interface, b.Interface))
	})
	for i, p := range publish {
		if i > 0 && publish[i-1] == p {
			continue
		}
		to := slices.Concat(rule{"-p", p.Protocol, "-m", p.Protocol, "--dport", strconv.Itoa(int(p.Port))},
			mark(p.Service), rule{"-j", portChain(p)})
		if i == 0 || portChain(publish[i-1]) != portChain(p) {
			chains = append(chains, port(p, r))
			out.rules = append(out.rules, to)
			in.rules = append(in.rules, slices.Concat(rule{"-i", bridge}, to))
		}
		if p.Interface != bridge {
			in.rules = append(in.rules, slices.Concat(rule{"-i", p.Interface}, to))
		}
	}
	chains = append(chains, post(subnet, r, away, note), in, out)
	return ruleset{chains, jumps(len(r.VIPs) > 0)}
}

// jumps are put in place in this order: of two in one chain the last comes first.
// Docker, which sets the policy of FORWARD to DROP, keeps DOCKER-USER for such
// rules of others.
func jumps(vips bool) []jump {
	local := rule{"-m", "addrtype", "--dst-type", "LOCAL"} // to any of the VM's own addresses
	all := []jump{
		{table: "filter", from: "FORWARD", to: ownChain + "-FWD"},
		{table: "filter", from: "DOCKER-USER", to: ownChain + "-FWD", optional: true},
		{table: "filter", from: "INPUT", to: ownChain + "-IN"},
		{table: "nat", from: "POSTROUTING", to: postChain},
		{table: "nat", from: "PREROUTING", to: ownChain, match: local},
		{table: "nat", from: "OUTPUT", to: ownChain + "-OUT", match: local},
	}
	if vips {
		all = append(all, jump{table: "filter", from: "INPUT", to: selfChain})
	}
	return all
}

func portChain(p deployer.Publish) string {
	name := ownChain + "-" + strconv.Itoa(int(p.Port))
	if p.Protocol == deployer.UDP {
		name += "-UDP"
	}
	return name
}

// port gives the chain of a published port. Without a target, or one whose port
// is not known yet, it is empty, and the port refuses connections.
func port(p deployer.Publish, r deployer.Routes) chain {
	c := chain{table: "nat", name: portChain(p)}
	t := r.Targets[p.Service]
	text := p.Service
	relay, held := r.Held[p.Service]
	switch {
	case held && p.Protocol == deployer.TCP: // which port was meant the relay finds out
		t = relay
		text += heldNote
	case p.To != 0 && p.To != r.Ports[p.Service]:
		t = netip.AddrPortFrom(t.Addr(), p.To)
		text += ":" + strconv.Itoa(int(p.To))
	}
	if t.Addr().IsValid() && t.Port() != 0 {
		c.rules = []rule{slices.Concat(rule{"-p", p.Protocol}, mark(text), rule{"-j", "DNAT", "--to-destination", t.String()})}
	}
	return c
}

// vips gives the chain that sends each virtual IP on to its live generation.
//
// The rule of a service without a target ends the search in the nat table: the
// published ports, which come after, are ports of the VM and not of a service.
func vips(r deployer.Routes) chain {
	c := chain{table: "nat", name: vipChain}
	for _, service := range slices.Sorted(maps.Keys(r.VIPs)) {
		to := rule{"-d", r.VIPs[service].String()}
		if relay, held := r.Held[service]; held {
			c.rules = append(c.rules, slices.Concat(to, rule{"-p", "tcp"}, mark(service+heldNote),
				rule{"-j", "DNAT", "--to-destination", relay.String()}))
		}
		t, ok := r.Targets[service]
		if port := r.Ports[service]; ok && port != 0 && port != t.Port() {
			for _, protocol := range []string{deployer.TCP, deployer.UDP} {
				c.rules = append(c.rules, slices.Concat(to, rule{"-p", protocol, "-m", protocol, "--dport", strconv.Itoa(int(port))},
					mark(service), rule{"-j", "DNAT", "--to-destination", t.String()}))
			}
		}
		if ok {
			c.rules = append(c.rules, slices.Concat(to, mark(service+portNote+strconv.Itoa(int(t.Port()))),
				rule{"-j", "DNAT", "--to-destination", t.Addr().String()}))
		} else {
			c.rules = append(c.rules, slices.Concat(to, mark(service), rule{"-j", "ACCEPT"}))
		}
	}
	return c
}

// outside gives the targets that are no containers, in order.
func outside(subnet netip.Prefix, r deployer.Routes) []netip.Addr {
	var all []netip.Addr
	for service, t := range r.Targets {
		at := t.Addr()
		if at.IsValid() && (!subnet.Contains(at) || at == subnet.Addr()) && uses(r, service) {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// uses says whether there is a rule that leads to the service's target.
func uses(r deployer.Routes, service string) bool {
	_, named := r.VIPs[service]
	return named || slices.ContainsFunc(r.Publish, func(p deployer.Publish) bool { return p.Service == service })
}

// portNote stands in a comment between a service and the port that its live
// generation listens on, for who reads the rules: one about every port has no
// other place for it.
const portNote = " port "

// heldNote stands in a comment after a service whose connections are kept waiting.
const heldNote = " held"

// post has answers come back through the VM where they would not: from one
// container to another that was asked by way of the VM's port or a virtual IP,
// and to 127.0.0.1.
//
// With virtual IPs, by which containers ask each other in earnest, the source of
// what is asked becomes an address of the NETMAP subnet, which is not on the
// bridge. A masquerade would do, too, but give all who ask one address. Then the
// connections of one come from ports that another, or the old generation, has
// just used. For the side that was asked, which may still keep those in
// TIME_WAIT, such a connection looks like a packet that is late, because the
// clocks for TCP timestamps differ (PAWS, RFC 7323); some thousands of
// connections a second lose one in a thousand for a second so. With NETMAP, every
// container keeps all its ports to itself.
//
// The way back is by the default route of the container that was asked, which
// goes through the VM as it does for who asks a published port.
//
// Who asks what is outside does so in the VM's name: that cannot answer a container,
// and the laptop not itself. What is held goes to the VM's own address, from which
// answers come back anyway.
func post(bridge netip.Prefix, r deployer.Routes, away []netip.Addr, note string) chain {
	subnet := bridge.Masked().String()
	hairpin := slices.Concat(rule{"-s", subnet, "-d", subnet, "-m", "conntrack", "--ctstate", "DNAT"}, mark("hairpin"))
	if netmap, ok := netmapOf(bridge); ok && len(r.VIPs) > 0 {
		hairpin = append(hairpin, "-j", "NETMAP", "--to", netmap.String())
	} else {
		hairpin = append(hairpin, "-j", "MASQUERADE")
	}
	c := chain{table: "nat", name: postChain}
	for _, service := range slices.Sorted(maps.Keys(r.Held)) {
		c.rules = append(c.rules, slices.Concat(rule{"-d", r.Held[service].Addr().String()}, mark(service+heldNote), rule{"-j", "ACCEPT"}))
	}
	c.rules = append(c.rules,
		hairpin,
		slices.Concat(rule{"-s", "127.0.0.0/8", "-d", subnet}, mark(note), rule{"-j", "MASQUERADE"}),
	)
	for _, addr := range away {
		c.rules = append(c.rules, slices.Concat(rule{"-d", addr.String(), "-m", "conntrack", "--ctstate", "DNAT"},
			mark("outside"), rule{"-j", "MASQUERADE"}))
	}
	return c
}

// filterChains give the chains that let through and refuse.
//
// JARLOOP-FWD lets through, whatever the policy of FORWARD is, what was sent on
// to a container or outside, what comes back, and what containers say to each other: with
// br_netfilter loaded that passes FORWARD, too, although it never leaves the
// bridge. JARLOOP-IN keeps route_localnet from opening the VM's own 127.0.0.0/8
// to containers (the hole that CVE-2020-8558 was in kube-proxy), and lets through,
// whatever the policy of INPUT is, what was sent on to where it is held.
//
// JARLOOP-SELF refuses what comes to a virtual IP and was not sent on. Those
// addresses are the VM's, so whatever of its own listens on every address (sshd)
// would answer in the service's name. Open connections are let through for the
// VM's own sake, whose packets pass INPUT both ways: the refusal itself must get
// back to it.
func filterChains(bridge string, r deployer.Routes, away []netip.Addr) []chain {
	notOpen := rule{"-m", "conntrack", "!", "--ctstate", "RELATED,ESTABLISHED,DNAT"}
	accept := func(text string, match ...string) rule {
		return slices.Concat(rule(match), mark(text), rule{"-j", "ACCEPT"})
	}
	chains := []chain{
		{table: "filter", name: ownChain + "-FWD", rules: []rule{
			accept("published", "-o", bridge, "-m", "conntrack", "--ctstate", "DNAT"),
			accept("answers", "-i", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"),
			accept("between containers", "-i", bridge, "-o", bridge),
		}},
		{table: "filter", name: ownChain + "-IN", rules: []rule{
			slices.Concat(rule{"-d", "127.0.0.0/8", "-i", bridge}, notOpen, mark("no way in to the VM's own services"), rule{"-j", "DROP"}),
		}},
	}
	for _, addr := range away {
		for _, side := range []string{"-d", "-s"} {
			chains[0].rules = append(chains[0].rules, accept("outside", side, addr.String(), "-m", "conntrack", "--ctstate", "DNAT"))
		}
		chains[1].rules = append(chains[1].rules, accept("outside", "-d", addr.String(), "-m", "conntrack", "--ctstate", "DNAT"))
	}
	for _, service := range slices.Sorted(maps.Keys(r.Held)) {
		relay := r.Held[service]
		chains[1].rules = append(chains[1].rules, accept(service+heldNote, "-d", relay.Addr().String(), "-p", "tcp", "-m", "tcp",
			"--dport", strconv.Itoa(int(relay.Port())), "-m", "conntrack", "--ctstate", "DNAT"))
	}
	if len(r.VIPs) == 0 {
		return chains
	}
	self := chain{table: "filter", name: selfChain}
	for _, service := range slices.Sorted(maps.Keys(r.VIPs)) {
		self.rules = append(self.rules, slices.Concat(rule{"-d", r.VIPs[service].String()}, notOpen, mark(service), rule{"-j", refuseChain}))
	}
	return append(chains, chain{table: "filter", name: refuseChain, rules: []rule{
		slices.Concat(rule{"-p", "tcp"}, mark("nothing live"), rule{"-j", "REJECT", "--reject-with", "tcp-reset"}),
		slices.Concat(mark("nothing live"), rule{"-j", "REJECT", "--reject-with", "icmp-port-unreachable"}),
	}}, self)
}
