package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const bridgeRemedy = "if it is LXC's own: sudo systemctl start lxc-net"

func (v *vm) addresses(bridge string) ([]held, error) { return readAddresses(bridge) }

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

// addAddress puts a virtual IP on the bridge, so that the VM answers ARP for it.
func (v *vm) addAddress(bridge string, addr netip.Addr) error {
	link, err := netlink.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("look for bridge %s (%s): %w", bridge, bridgeRemedy, err)
	}
	a := single(addr)
	a.Label = ownLabelOf(bridge)
	if err := netlink.AddrReplace(link, a); err != nil {
		return fmt.Errorf("put the virtual IP %s on bridge %s: %w", addr, bridge, err)
	}
	return nil
}

func (v *vm) removeAddress(h held) error {
	link := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: h.link}}
	err := netlink.AddrDel(link, single(h.prefix.Addr()))
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("take the virtual IP %s (%s) away: %w", h.prefix.Addr(), h.label, err)
	}
	return nil
}

func single(addr netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}}
}

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

// Interfaces names the interfaces of the VM, without the VM's ends of the cables of
// containers.
func Interfaces() ([]string, error) {
	all, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("look for the interfaces of the VM: %w", err)
	}
	var names []string
	for _, l := range all {
		if l.Type() != "veth" || l.Attrs().MasterIndex == 0 {
			names = append(names, l.Attrs().Name)
		}
	}
	return names, nil
}

// DefaultInterface names the interface of the IPv4 default route, by which the
// VM is likely to be asked; "" if there is none.
func DefaultInterface() string {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return ""
	}
	for _, r := range routes {
		if r.Dst != nil && !r.Dst.IP.IsUnspecified() || r.Gw == nil {
			continue
		}
		if i, err := net.InterfaceByIndex(r.LinkIndex); err == nil {
			return i.Name
		}
	}
	return ""
}
