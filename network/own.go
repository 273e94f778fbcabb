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

// ownScope marks the service addresses that are ours, so that they can be told
// from others without any memory or rule. Scopes below RT_SCOPE_SITE are free
// for anyone's use (rtnetlink(7), /etc/iproute2/rt_scopes); one that is not
// global also keeps the kernel from ever taking the address as the source of
// what the VM sends elsewhere (inet_select_addr).
const ownScope = 'j'

// held is an IPv4 address of the VM.
type held struct {
	link   int    // the index of the interface
	dev    string // its name; addresses of others may bear another one
	prefix netip.Prefix
	ours   bool
}

// addresses gives every IPv4 address of the VM.
func (v *vm) addresses() ([]held, error) { return readAddresses() }

func readAddresses() ([]held, error) {
	const tries = 5 // a dump is to be asked again if something changed meanwhile
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
			link: a.LinkIndex, dev: bridgeOf(a.Label), prefix: netip.PrefixFrom(addr, bits), ours: a.Scope == ownScope && bits == 32,
		})
	}
	return all, nil
}

// addAddress puts a service address on the bridge, so that the VM answers ARP
// for it. That the address is there is no error.
//
// A bridge whose MAC address nobody has set takes the lowest of its ports', and
// another one when that port leaves: for half a minute, containers would go on
// sending to an address that is gone. What is set once stays (dev_set_mac_address
// and br_stp_recalculate_bridge_id in the kernel), so the present one is set.
func (v *vm) addAddress(bridge string, addr netip.Addr) error {
	link, err := netlink.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("look for bridge %s (%s): %w", bridge, bridgeRemedy, err)
	}
	if err := netlink.LinkSetHardwareAddr(link, link.Attrs().HardwareAddr); err != nil {
		return fmt.Errorf("keep the MAC address of bridge %s: %w", bridge, err)
	}
	a := address(addr)
	if a.Label = bridge + ownLabel; len(a.Label) > 15 { // IFNAMSIZ, less the zero byte
		a.Label = bridge
	}
	if err := netlink.AddrReplace(link, a); err != nil {
		return fmt.Errorf("put the service address %s on bridge %s: %w", addr, bridge, err)
	}
	return nil
}

// removeAddress takes an address of ours off its interface. That it is gone, or
// the interface, is no error.
func (v *vm) removeAddress(h held) error {
	link := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: h.link, Name: h.dev}}
	err := netlink.AddrDel(link, address(h.prefix.Addr()))
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("take the service address %s off %s: %w", h.prefix.Addr(), h.dev, err)
	}
	return nil
}

func address(addr netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}, Scope: ownScope}
}

// ownLabel stands behind the bridge's name in the label of an address, where
// there is room, for people who look at "ip address".
const ownLabel = ":jarloop"

func bridgeOf(label string) string {
	bridge, _, _ := strings.Cut(label, ":")
	return bridge
}

// compareAddresses gives the addresses that are ours and not, or no longer, a service's
// on this bridge, and those of a service that are missing. An address that is
// somebody's own is an error.
func compareAddresses(have []held, bridge string, want map[string]netip.Addr) (unwanted []held, missing []netip.Addr, err error) {
	there := map[netip.Addr]bool{}
	services := map[netip.Addr]string{}
	for service, addr := range want {
		services[addr] = service
	}
	for _, h := range have {
		service, wanted := services[h.prefix.Addr()]
		switch {
		case h.ours && (!wanted || h.dev != bridge):
			unwanted = append(unwanted, h)
		case wanted && (h.ours || h.dev == bridge && h.prefix.Bits() == 32):
			there[h.prefix.Addr()] = true // maybe put back by a person
		case wanted:
			err = errors.Join(err, fmt.Errorf("give %q the service address %s: %s has it already, as %s",
				service, h.prefix.Addr(), h.dev, h.prefix))
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
