package network

import (
	"encoding/binary"
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
	if err := forgetFlows(flow{from: addr}, func(flow) bool { return true }); err != nil {
		return fmt.Errorf("forget the connections to %s: %w", addr, err)
	}
	return nil
}

// forgetFlows removes those of the flows like one that are meant.
func forgetFlows(like flow, meant func(flow) bool) error {
	const attempts = 3 // the table can be rebuilt while it is read
	var found []flow
	var err error
	for range attempts {
		if found, err = flows(like); err == nil || !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	for _, f := range found {
		if !meant(f) {
			continue
		}
		if e := f.reply.forget(); e != nil && !errors.Is(e, unix.ENOENT) { // it has ended by itself
			err = errors.Join(err, e)
		}
	}
	return err
}

// flow is what the kernel remembers of a connection, or of a sender's datagrams.
type flow struct {
	reply    tuple
	protocol byte
	from     netip.Addr     // where answers come from
	asked    netip.AddrPort // what was asked, before any rule
}

// tuple is what the kernel knows a connection by: CTA_TUPLE_REPLY, as it gave it.
// That is who answers and to whom. CTA_TUPLE_ORIG, who asks and whom, can be the
// one of another connection by the time that it is used: a caller comes again
// from the same port, and gets the new generation.
type tuple []byte

// flows asks the kernel for the flows with an address that answers, and a
// protocol; the zero value stands for any. It has it sort out the others
// (CTA_FILTER, since Linux 5.8): a busy machine remembers a hundred thousand. An
// older kernel gives all.
func flows(like flow) ([]flow, error) {
	const (
		filterTuple = 25 // CTA_FILTER
		replyFlags  = 2  // CTA_FILTER_REPLY_FLAGS
		ipSource    = 1  // CTA_FILTER_F_CTA_IP_SRC
		protoNumber = 8  // CTA_FILTER_F_CTA_PROTO_NUM
	)
	reply := nl.NewRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_REPLY, nil)
	flags := uint32(0)
	if like.from.IsValid() {
		reply.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_IP, nil).AddRtAttr(nl.CTA_IP_V4_SRC, like.from.AsSlice())
		flags |= ipSource
	}
	if like.protocol != 0 {
		reply.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_PROTO, nil).AddRtAttr(nl.CTA_PROTO_NUM, []byte{like.protocol})
		flags |= protoNumber
	}
	filter := nl.NewRtAttr(unix.NLA_F_NESTED|filterTuple, nil)
	filter.AddRtAttr(replyFlags, nl.Uint32Attr(flags))
	request := conntrackRequest(nl.IPCTNL_MSG_CT_GET, unix.NLM_F_DUMP)
	request.AddData(reply)
	request.AddData(filter)
	messages, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, err
	}
	var found []flow
	for _, m := range messages {
		f := parseFlow(nested(m[nl.SizeofNfgenmsg:]))
		if (!like.from.IsValid() || f.from == like.from) && (like.protocol == 0 || f.protocol == like.protocol) {
			found = append(found, f)
		}
	}
	return found, err
}

func parseFlow(attrs map[int][]byte) flow {
	f := flow{reply: attrs[nl.CTA_TUPLE_REPLY]}
	f.from, _ = netip.AddrFromSlice(nested(nested(f.reply)[nl.CTA_TUPLE_IP])[nl.CTA_IP_V4_SRC])
	asked := nested(attrs[nl.CTA_TUPLE_ORIG])
	proto := nested(asked[nl.CTA_TUPLE_PROTO])
	if number := proto[nl.CTA_PROTO_NUM]; len(number) == 1 {
		f.protocol = number[0]
	}
	addr, ok := netip.AddrFromSlice(nested(asked[nl.CTA_TUPLE_IP])[nl.CTA_IP_V4_DST])
	if port := proto[nl.CTA_PROTO_DST_PORT]; ok && len(port) == 2 {
		f.asked = netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port))
	}
	return f
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
