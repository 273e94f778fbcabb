package network

import (
	"net"

	"github.com/vishvananda/netlink"
)

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
