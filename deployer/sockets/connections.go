// Package sockets asks the kernel about the sockets of a network namespace
// (sock_diag(7)): which listen, whose they are, and what is connected to them.
package sockets

import (
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Connections counts the open connections to a port in the network of a handle, and of
// these the busy ones.
func Connections(kernel *netlink.Handle, port uint16) (open, busy int, err error) {
	all, err := established(kernel, port)
	for _, s := range all {
		if isBusy(s) {
			busy++
		}
	}
	return len(all), busy, err
}

// established gives the connections to a port.
func established(kernel *netlink.Handle, port uint16) (all []*netlink.InetDiagTCPInfoResp, err error) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} { // a JVM listens on the latter for both
		sockets, err := kernel.SocketDiagTCPInfo(family)
		if err != nil {
			return nil, err
		}
		for _, s := range sockets {
			if d := s.InetDiagMsg; d != nil && d.ID.SourcePort == port && d.State == netlink.TCP_ESTABLISHED {
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// moment is more than a tick of the kernel's clock, in ms.
const moment = 20

// isBusy says whether somebody awaits an answer: what has come is not read, or is
// newer than what was sent last, or the client takes an answer more slowly than it is
// given. What is only not acknowledged yet arrives without the service. Times are how
// long ago that was in ms, as of the last tick of the kernel's clock: where they are the
// same it may be either, for a moment. Those of a new connection begin with it
// (tcp_create_openreq_child).
func isBusy(s *netlink.InetDiagTCPInfoResp) bool {
	i := s.TCPInfo
	switch {
	case s.InetDiagMsg.RQueue > 0:
		return true
	case i == nil || i.Data_segs_in == 0:
		return false
	case i.Data_segs_out == 0 || i.Notsent_bytes > 0:
		return true
	case i.Last_data_recv == i.Last_data_sent:
		return i.Last_data_recv < moment
	}
	return i.Last_data_recv < i.Last_data_sent
}
