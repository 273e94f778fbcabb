package network

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// movedDatagrams gives the targets that are left behind, and the virtual IPs and
// published ports that led nowhere.
func movedDatagrams(was, to deployer.Routes) (from []netip.Addr, ports []uint16) {
	for service, t := range was.Targets {
		if now := to.Targets[service]; now.Addr() != t.Addr() {
			from = append(from, t.Addr())
		}
	}
	fresh := func(service string) bool { return !was.Targets[service].IsValid() && to.Targets[service].IsValid() }
	for service, vip := range to.VIPs {
		if fresh(service) {
			from = append(from, vip)
		}
	}
	for _, p := range to.Publish {
		if p.Protocol == deployer.UDP && fresh(p.Service) {
			ports = append(ports, p.Port)
		}
	}
	return from, ports
}

// forgetDatagrams has the next datagram of each sender go where the rules say now.
// The kernel knows no end of what is sent by UDP: as long as a sender goes on, its
// datagrams go where the first one went. from are targets that were others', and
// ports are those of the VM that led nowhere.
func (v *vm) forgetDatagrams(from []netip.Addr, ports []uint16) error {
	own, err := readAddresses("")
	if err != nil {
		return err
	}
	return forgetFlows(flow{protocol: unix.IPPROTO_UDP}, func(f flow) bool {
		return slices.Contains(from, f.from) || slices.Contains(ports, f.asked.Port()) && f.from == f.asked.Addr() &&
			(f.from.IsLoopback() || slices.ContainsFunc(own, func(h held) bool { return h.prefix.Addr() == f.from }))
	})
}
