package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Forget removes what the kernel remembers of connections that lead to addr:
// whoever uses such a connection's port again is led by the rules as they are
// now. With ended, those that are open stay, so that both ends hear when they
// end; it is to be called before the one at addr goes, for afterwards a caller
// could be led to nobody in between.
//
// The kernel keeps a connection that its server has reset for ten seconds more
// (nf_conntrack_tcp_timeout_close), and does not take a caller's SYN from the
// same port for a new one then (tcp_conntracks in nf_conntrack_proto_tcp.c):
// that goes where the first had gone.
func Forget(addr netip.Addr, ended bool) error {
	const attempts = 3 // the table can be rebuilt while it is read
	var err error
	for range attempts {
		_, err = netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, leadingTo{addr, ended})
		if err == nil || !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("forget the connections to %s: %w", addr, err)
	}
	return nil
}

// leadingTo is a netlink.CustomConntrackFilter.
type leadingTo struct {
	addr  netip.Addr
	ended bool
}

func (l leadingTo) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	from, _ := netip.AddrFromSlice(flow.Reverse.SrcIP)
	if from.Unmap() != l.addr {
		return false
	}
	tcp, ok := flow.ProtoInfo.(*netlink.ProtoInfoTCP)
	return !l.ended || ok && (tcp.State == nl.TCP_CONNTRACK_CLOSE || tcp.State == nl.TCP_CONNTRACK_TIME_WAIT)
}
