package network

import (
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
