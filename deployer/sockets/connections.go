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
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} { // a JVM listens on the latter for both
		sockets, err := kernel.SocketDiagTCPInfo(family)
		if err != nil {
			return 0, 0, err
		}
		for _, s := range sockets {
			if d := s.InetDiagMsg; d == nil || d.ID.SourcePort != port || d.State != netlink.TCP_ESTABLISHED {
				continue
			}
			open++
			if isBusy(s) {
				busy++
			}
		}
	}
	return open, busy, nil
}

// isBusy says whether somebody awaits an answer: what has come is not read, or is
// newer than what was sent last, or the client takes an answer more slowly than it is
// given. What is only not acknowledged yet arrives without the service. Times are how
// long ago that was in ms, as of the last tick of the kernel's clock: where they are the
// same it may be either, for a moment. Those of a new connection begin with it
// (tcp_create_openreq_child).
func isBusy(s *netlink.InetDiagTCPInfoResp) bool {
	const moment = 20 // more than a tick
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
