package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// forget removes what the kernel remembers of connections to addr,
// whose container is gone: whoever does not know yet that such a connection has
// ended is refused, and does not come to the next one that gets the address.
func forget(addr netip.Addr) error {
	const attempts = 3 // the table can be rebuilt while it is read
	var found []tuple
	var err error
	for range attempts {
		if found, err = connectionsTo(addr); err == nil || !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	for _, t := range found {
		if e := t.forget(); e != nil && !errors.Is(e, unix.ENOENT) { // it has ended by itself
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return fmt.Errorf("forget the connections to %s: %w", addr, err)
	}
	return nil
}

// tuple is what the kernel knows a connection by: CTA_TUPLE_REPLY, as it gave it.
// That is who answers and to whom. CTA_TUPLE_ORIG, who asks and whom, can be the
// one of another connection by the time that it is used: a caller comes again
// from the same port, and gets the new generation.
type tuple []byte

// connectionsTo asks the kernel for the connections whose answers come from
// addr. It has it sort out the others (CTA_FILTER, since Linux 5.8): a busy
// machine remembers a hundred thousand. An older kernel gives all.
func connectionsTo(addr netip.Addr) ([]tuple, error) {
	const (
		filterTuple = 25 // CTA_FILTER
		replyFlags  = 2  // CTA_FILTER_REPLY_FLAGS
		ipSource    = 1  // CTA_FILTER_F_CTA_IP_SRC
	)
	reply := nl.NewRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_REPLY, nil)
	reply.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_IP, nil).AddRtAttr(nl.CTA_IP_V4_SRC, addr.AsSlice())
	filter := nl.NewRtAttr(unix.NLA_F_NESTED|filterTuple, nil)
	filter.AddRtAttr(replyFlags, nl.Uint32Attr(ipSource))
	request := conntrackRequest(nl.IPCTNL_MSG_CT_GET, unix.NLM_F_DUMP)
	request.AddData(reply)
	request.AddData(filter)
	messages, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, err
	}
	var found []tuple
	for _, m := range messages {
		attrs := nested(m[nl.SizeofNfgenmsg:])
		from, _ := netip.AddrFromSlice(nested(nested(attrs[nl.CTA_TUPLE_REPLY])[nl.CTA_TUPLE_IP])[nl.CTA_IP_V4_SRC])
		if from == addr {
			found = append(found, attrs[nl.CTA_TUPLE_REPLY])
		}
	}
	return found, err
}

func (t tuple) forget() error {
	request := conntrackRequest(nl.IPCTNL_MSG_CT_DELETE, unix.NLM_F_ACK)
	request.AddData(nl.NewRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_REPLY, t))
	_, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	return err
}

func conntrackRequest(what, flags int) *nl.NetlinkRequest {
	request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_CTNETLINK<<8|what, flags)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_INET, Version: nl.NFNETLINK_V0})
	return request
}

// nested gives the attributes in a message by their types; what is no list of
// attributes has none.
func nested(text []byte) map[int][]byte {
	list, err := nl.ParseRouteAttr(text)
	if err != nil {
		return nil
	}
	attrs := map[int][]byte{}
	for _, a := range list {
		attrs[int(a.Attr.Type&nl.NLA_TYPE_MASK)] = a.Value
	}
	return attrs
}
