package network

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Publish is a port of the VM that leads to a service.
type Publish struct {
	Interface string // that requests from outside come in by, such as eth0
	Port      uint16 // TCP
	Service   string // its name, one label of a host name
	To        uint16 // port of the service that it leads to; 0: the one of its target
}

// checkPublishes finds what no rule can be made of.
func checkPublishes(publishes []Publish) error {
	leads := map[uint16]Publish{}
	for _, p := range publishes {
		reason := ""
		first, twice := leads[p.Port]
		switch {
		case !isInterface(p.Interface):
			reason = fmt.Sprintf("%q is no name of an interface", p.Interface)
		case p.Port == 0:
			reason = "there is no port 0"
		case !isLabel(p.Service):
			reason = "that is no name of a service"
		case twice && (first.Service != p.Service || first.To != p.To):
			reason = fmt.Sprintf("it leads to %q already", first.Service)
		}
		if reason != "" {
			return fmt.Errorf("publish port %d of %q as %q: %s", p.Port, p.Interface, p.Service, reason)
		}
		leads[p.Port] = p
	}
	return nil
}

// isInterface says whether s can be the name of an interface (dev_valid_name
// in the kernel) and nothing that iptables or /proc/sys would read otherwise.
func isInterface(s string) bool {
	return s != "" && len(s) <= 15 && s != "." && s != ".." && s != "all" && s != "default" && s[0] != '-' && s[0] != '!' &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '/' || r == ':' || r == '+' || r > '~' })
}

// layout gives our chains in the order in which they are built: those that
// refuse and let through, those that lead, and, in plan, the jumps to them.
// Without publishes and service addresses there are none. The note is kept in
// the comment of the rule that it is about. Wirings that differ in targets
// alone have the same chains.
func layout(bridge string, subnet netip.Prefix, publishes []Publish, w Wiring, note string) []chain {
	if len(publishes) == 0 && len(w.Addresses) == 0 {
		return nil
	}
	chains := []chain{forwardChain(bridge), inputChain(bridge)}
	in := chain{table: "nat", name: ownChain, jumps: []jump{{from: "PREROUTING", match: local()}}}
	out := chain{table: "nat", name: ownChain + "-OUT", jumps: []jump{{from: "OUTPUT", match: local()}}}
	if len(w.Addresses) > 0 {
		chains = append(chains, selfChains(w.Addresses)...)
		chains = append(chains, serviceChain(w))
		to := slices.Concat(mark("service addresses"), rule{"-j", servicesChain})
		in.rules = append(in.rules, slices.Concat(rule{"-i", bridge}, to))
		out.rules = append(out.rules, to)
	}
	publishes = slices.Clone(publishes)
	slices.SortFunc(publishes, func(a, b Publish) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Interface, b.Interface))
	})
	for i, p := range publishes {
		if i > 0 && publishes[i-1] == p {
			continue
		}
		to := slices.Concat(rule{"-p", "tcp", "-m", "tcp", "--dport", strconv.Itoa(int(p.Port))},
			mark(p.Service), rule{"-j", portChain(p.Port)})
		if i == 0 || publishes[i-1].Port != p.Port {
			c := chain{table: "nat", name: portChain(p.Port)}
			if t, ok := w.Targets[p.Service]; ok {
				c.rules = []rule{p.targetRule(t)}
			}
			chains = append(chains, c)
			out.rules = append(out.rules, to)
			in.rules = append(in.rules, slices.Concat(rule{"-i", bridge}, to))
		}
		if p.Interface != bridge {
			in.rules = append(in.rules, slices.Concat(rule{"-i", p.Interface}, to))
		}
	}
	return append(chains, postChain(subnet, len(w.Addresses) > 0, note), in, out)
}

func portChain(port uint16) string { return ownChain + "-" + strconv.Itoa(int(port)) }

// local matches what is sent to any of the VM's own addresses.
func local() rule { return rule{"-m", "addrtype", "--dst-type", "LOCAL"} }

// targetRule is the rule that a switch replaces.
func (p Publish) targetRule(t netip.AddrPort) rule {
	text := p.Service
	if p.To != 0 {
		t = netip.AddrPortFrom(t.Addr(), p.To)
		text += ":" + strconv.Itoa(int(p.To))
	}
	return slices.Concat(rule{"-p", "tcp"}, mark(text), rule{"-j", "DNAT", "--to-destination", t.String()})
}

// forwardChain lets through, whatever the policy of FORWARD is, what was led
// to a container, what comes back, and what containers say to each other:
// with br_netfilter loaded that passes FORWARD too, although it never leaves
// the bridge. Docker, which sets the policy to DROP, keeps DOCKER-USER for
// such rules of others.
func forwardChain(bridge string) chain {
	accept := func(text string, match ...string) rule {
		return slices.Concat(rule(match), mark(text), rule{"-j", "ACCEPT"})
	}
	return chain{
		table: "filter", name: ownChain + "-FWD",
		rules: []rule{
			accept("published", "-o", bridge, "-m", "conntrack", "--ctstate", "DNAT"),
			accept("answers", "-i", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"),
			accept("between containers", "-i", bridge, "-o", bridge),
		},
		jumps: []jump{{from: "FORWARD"}, {from: "DOCKER-USER", optional: true}},
	}
}

// inputChain keeps route_localnet from opening the VM's own 127.0.0.0/8 to
// containers (the hole that CVE-2020-8558 was in kube-proxy).
func inputChain(bridge string) chain {
	return chain{
		table: "filter", name: ownChain + "-IN",
		rules: []rule{slices.Concat(
			rule{"-d", "127.0.0.0/8", "-i", bridge, "-m", "conntrack", "!", "--ctstate", "RELATED,ESTABLISHED,DNAT"},
			mark("no way in to the VM's own services"), rule{"-j", "DROP"})},
		jumps: []jump{{from: "INPUT"}},
	}
}

// postChain has answers come back through the VM where they would not: from
// one container to another that was asked by way of the VM's port or a service
// address, and to 127.0.0.1.
//
// With service addresses, by which containers ask each other in earnest, those
// who ask are told apart: see hairpinRule.
func postChain(bridge netip.Prefix, services bool, note string) chain {
	subnet := bridge.Masked().String()
	masquerade := func(text string, match ...string) rule {
		return slices.Concat(rule(match), mark(text), rule{"-j", "MASQUERADE"})
	}
	hairpin := masquerade("hairpin", "-s", subnet, "-d", subnet, "-m", "conntrack", "--ctstate", "DNAT")
	if twin, ok := twinOf(bridge); ok && services {
		hairpin = hairpinRule(bridge, twin)
	}
	return chain{
		table: "nat", name: ownChain + "-POST",
		rules: []rule{hairpin, masquerade(note, "-s", "127.0.0.0/8", "-d", subnet)},
		jumps: []jump{{from: "POSTROUTING"}},
	}
}
