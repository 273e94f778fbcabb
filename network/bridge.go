package network

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// BridgePrefix gives the IPv4 address of a bridge, which is its containers'
// gateway, with the length of their subnet's prefix; virtual IPs are passed over.
// A bridge that is missing, down or without an address is an error with the
// remedy.
func BridgePrefix(name string) (netip.Prefix, error) {
	all, err := bridgePrefixes(name)
	if err != nil {
		return netip.Prefix{}, err
	}
	return all[0], nil
}

// Range gives the bridge's own address, and the addresses that are leased: those
// that are wanted, or DefaultRange where first is the zero Addr. Where the
// bridge's subnet has no room for them, its address comes with the error.
func Range(name string, first, last netip.Addr) (bridge netip.Prefix, _, _ netip.Addr, err error) {
	bridge, err = BridgePrefix(name)
	switch {
	case err != nil:
		return netip.Prefix{}, first, last, err
	case !first.IsValid():
		first, last, err = DefaultRange(bridge)
	default:
		err = checkRange(bridge, first, last)
	}
	return bridge, first, last, err
}

// checkRange says whether both ends can be given to containers: inside the
// subnet, and neither its first nor its last address.
func checkRange(bridge netip.Prefix, first, last netip.Addr) error {
	subnet := bridge.Masked()
	for _, end := range []netip.Addr{first, last} {
		if !subnet.Contains(end) || !subnet.Contains(end.Next()) || !subnet.Contains(end.Prev()) {
			return fmt.Errorf("lxc.range %s-%s: %s cannot be used in the bridge's subnet %s; "+
				"choose addresses inside it, or leave lxc.range out", first, last, end, subnet)
		}
	}
	return nil
}

// checkBridgeStays says whether a bridge is still what BridgePrefix has given.
func checkBridgeStays(name string, was netip.Prefix) error {
	all, err := bridgePrefixes(name)
	if err != nil {
		return err
	}
	if !slices.Contains(all, was) {
		return fmt.Errorf("bridge %s is %s by now, and was %s: start jarloop anew", name, all[0], was)
	}
	return nil
}

// bridgePrefixes gives a bridge's own addresses, one at least.
func bridgePrefixes(name string) ([]netip.Prefix, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("look for bridge %s (%s): %w", name, bridgeRemedy, err)
	}
	if i.Flags&net.FlagUp == 0 {
		return nil, fmt.Errorf("bridge %s is down (%s)", name, bridgeRemedy)
	}
	addrs, err := readAddresses(name)
	if err != nil {
		return nil, fmt.Errorf("look for the address of bridge %s: %w", name, err)
	}
	var all []netip.Prefix
	for _, a := range addrs {
		if a.here && !a.ours && a.prefix.Addr().IsGlobalUnicast() {
			all = append(all, a.prefix)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("bridge %s has no IPv4 address (%s)", name, bridgeRemedy)
	}
	return all, nil
}

// DefaultRange gives the addresses that are leased where none are configured:
// the upper half of the subnet without its last two addresses, the broadcast
// and the one before it, where routers like to sit. 10.0.3.1/24 gives
// 10.0.3.128 to 10.0.3.253. A subnet of less than four addresses has no such
// range.
func DefaultRange(prefix netip.Prefix) (first, last netip.Addr, err error) {
	switch {
	case !prefix.IsValid() || !prefix.Addr().Is4():
		return first, last, fmt.Errorf("the bridge's subnet %s is not one of IPv4", prefix)
	case prefix.Bits() > 30:
		return first, last, fmt.Errorf("the bridge's subnet %s has no address to spare for a container; give it a wider one, "+
			"a /24 for instance (of LXC's own bridge: LXC_ADDR, LXC_NETMASK and LXC_NETWORK in /etc/default/lxc-net, "+
			"then sudo systemctl restart lxc-net)", prefix.Masked())
	}
	start := toUint(prefix.Masked().Addr())
	size := uint64(1) << (32 - prefix.Bits())
	half, end := uint64(start)+size/2, uint64(start)+size-3
	return fromUint(uint32(half)), fromUint(uint32(max(half, end))), nil
}

// broadcast gives the last address of a subnet.
func broadcast(prefix netip.Prefix) netip.Addr {
	return fromUint(toUint(prefix.Masked().Addr()) | uint32(1<<(32-prefix.Bits())-1))
}

func toUint(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func fromUint(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}
