package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ownLabel ends the label of each address that is ours, such as
// lxcbr0:jarloop, so that it can be told from others without any memory or
// rule. A scope could tell them as well, but the kernel lists an address whose
// scope is not global before the bridge's own (inet_insert_ifa), and programs
// that ask for the address of a bridge take the first.
const ownLabel = ":jarloop"

// ownLabelOf gives the label of service addresses on a bridge. It has 15
// characters at most (IFNAMSIZ).
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

// readAddresses gives every IPv4 address of the VM, and whether it is on the
// bridge, which need not exist.
func readAddresses(bridge string) ([]held, error) {
	var index int
	if isInterface(bridge) {
		link, err := netlink.LinkByName(bridge)
		if err == nil {
			index = link.Attrs().Index
		} else if !errors.As(err, &netlink.LinkNotFoundError{}) {
			return nil, fmt.Errorf("look for bridge %s: %w", bridge, err)
		}
	}
	const tries = 5 // a list is to be asked for again if something changed meanwhile
	var list []netlink.Addr
	var err error
	for range tries {
		if list, err = netlink.AddrList(nil, netlink.FAMILY_V4); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the VM's addresses: %w", err)
	}
	var all []held
	for _, a := range list {
		addr, ok := netip.AddrFromSlice(a.IP.To4())
		if !ok {
			continue
		}
		bits, _ := a.Mask.Size()
		all = append(all, held{
			link: a.LinkIndex, label: a.Label, prefix: netip.PrefixFrom(addr, bits),
			ours: bits == 32 && strings.HasSuffix(a.Label, ownLabel),
			here: index == a.LinkIndex,
		})
	}
	return all, nil
}

func (v *vm) addresses(bridge string) ([]held, error) { return readAddresses(bridge) }

// pin keeps the bridge's MAC address as it is.
//
// A bridge whose MAC address nobody has set takes the lowest of its ports', and
// another one when a port comes or goes: for seconds, containers would go on
// sending to an address that is gone. One that was set stays (NET_ADDR_SET in
// br_stp_recalculate_bridge_id), so the present one is set. That is done once
// to a bridge, for each time the kernel forgets whom it has seen there.
func (v *vm) pin(bridge string) error {
	link, err := netlink.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("look for bridge %s (%s): %w", bridge, bridgeRemedy, err)
	}
	if link.Attrs().Index == v.pinned {
		return nil
	}
	if err := netlink.LinkSetHardwareAddr(link, link.Attrs().HardwareAddr); err != nil {
		return fmt.Errorf("keep the MAC address of bridge %s: %w", bridge, err)
	}
	v.pinned = link.Attrs().Index
	return nil
}

// addAddress puts a service address on the bridge, so that the VM answers ARP
// for it.
func (v *vm) addAddress(bridge string, addr netip.Addr) error {
	link, err := netlink.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("look for bridge %s (%s): %w", bridge, bridgeRemedy, err)
	}
	a := address(addr)
	a.Label = ownLabelOf(bridge)
	if err := netlink.AddrReplace(link, a); err != nil {
		return fmt.Errorf("put the service address %s on bridge %s: %w", addr, bridge, err)
	}
	return nil
}

func (v *vm) removeAddress(h held) error {
	link := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: h.link}}
	err := netlink.AddrDel(link, address(h.prefix.Addr()))
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("take the service address %s (%s) away: %w", h.prefix.Addr(), h.label, err)
	}
	return nil
}

func address(addr netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}}
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
			err = errors.Join(err, fmt.Errorf("give %q the service address %s: the VM has it, as %s on %s "+
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
