package network

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

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

// netmapOf gives the NETMAP subnet of a bridge's: as large, and as private (RFC
// 1918), so that who trusts private addresses trusts it. 10.0.3.0/24 has
// 10.128.3.0/24, 172.17.0.0/16 has 172.25.0.0/16, and 192.168.122.0/24 has
// 192.168.250.0/24. It may be in use elsewhere, as its addresses are met by the
// containers only, and there only as those who ask. A subnet that is not private,
// or a whole private block, has none.
func netmapOf(subnet netip.Prefix) (netmap netip.Prefix, ok bool) {
	for _, block := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
		if b := netip.MustParsePrefix(block); b.Contains(subnet.Addr()) && subnet.Bits() > b.Bits() {
			first := toUint(subnet.Masked().Addr()) ^ 1<<(31-b.Bits())
			return netip.PrefixFrom(fromUint(first), subnet.Bits()), true
		}
	}
	return netip.Prefix{}, false
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
