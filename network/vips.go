package network

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ownLabel ends the label of each address that is ours, such as
// lxcbr0:jarloop, so that it can be known from others without any memory or
// rule. A scope could tell them as well, but the kernel lists an address whose
// scope is not global before the bridge's own (inet_insert_ifa), and programs
// that ask for the address of a bridge take the first.
const ownLabel = ":jarloop"

// ownLabelOf gives the label of virtual IPs on a bridge. It has 15 characters at
// most (IFNAMSIZ).
func ownLabelOf(bridge string) string {
	return bridge[:min(len(bridge), 15-len(ownLabel))] + ownLabel
}

// dev gives the interface that a label is of.
func dev(label string) string {
	name, _, _ := strings.Cut(label, ":")
	return name
}

// held is an IPv4 address of the VM.
type held struct {
	link   int    // the index of the interface
	label  string // of others: the name of the interface, or what they like
	prefix netip.Prefix
	ours   bool
	here   bool // on the bridge that was asked for
}

// compareAddresses gives the addresses that are ours and not, or no longer, a
// service's on the bridge, and those of a service that are missing there. One
// that somebody else has is an error. One that a person has put where it
// belongs is taken as it is, and never removed.
func compareAddresses(have []held, want map[string]netip.Addr) (unwanted []held, missing []netip.Addr, err error) {
	services := map[netip.Addr]string{}
	for service, addr := range want {
		services[addr] = service
	}
	there := map[netip.Addr]bool{}
	for _, h := range have {
		addr := h.prefix.Addr()
		service, wanted := services[addr]
		switch {
		case h.ours && (!wanted || !h.here):
			unwanted = append(unwanted, h)
		case wanted && h.here && h.prefix.IsSingleIP():
			there[addr] = true
		case wanted:
			err = errors.Join(err, fmt.Errorf("give %q the virtual IP %s: the VM has it, as %s on %s "+
				"(sudo ip address del %s dev %s)", service, addr, h.prefix, h.label, h.prefix, dev(h.label)))
		}
	}
	for addr := range services {
		if !there[addr] {
			missing = append(missing, addr)
		}
	}
	slices.SortFunc(missing, netip.Addr.Compare)
	return unwanted, missing, err
}

// vipsIn gives the virtual IPs that the rules name, by service.
func vipsIn(have tables) map[string]netip.Addr {
	vips := map[string]netip.Addr{}
	for _, rule := range have["nat"].in(vipChain) {
		note, ours := strings.CutPrefix(rule.comment(), "jarloop: ")
		service, _, _ := strings.Cut(note, portNote)
		if addr, err := netip.ParseAddr(strings.TrimSuffix(rule.after("-d"), "/32")); ours && err == nil {
			vips[service] = addr
		}
	}
	return vips
}
