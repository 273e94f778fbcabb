package sockets

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

const (
	// disconnectMost is how long a moment is waited for when nobody awaits an answer, and
	// disconnectEvery what is between two looks.
	disconnectMost  = 300 * time.Millisecond
	disconnectEvery = 2 * time.Millisecond
	// used is how long ago a connection that is in use was asked something, and answered
	// after what time an answer had begun that is over by now, in ms.
	used, answered = 2000, 1000
)

// Disconnect ends the connections to a port in the network of a handle over which one
// request follows the other, each at a moment when nobody awaits an answer: with a reset,
// so that its client opens another one for what it has to ask. It is nil, and nothing is
// done, where the kernel has no such call (CONFIG_INET_DIAG_DESTROY).
func Disconnect(ctx context.Context, kernel *netlink.Handle, port uint16) error {
	for end := time.Now().Add(disconnectMost); ; {
		all, err := established(kernel, port)
		if err != nil {
			return err
		}
		waits := false
		for _, s := range all {
			switch {
			case !inUse(s):
			case !rests(s):
				waits = true
			default:
				err := reset(kernel, s)
				if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
					return nil
				}
				if err != nil && !errors.Is(err, unix.ENOENT) { // its client was faster
					return err
				}
			}
		}
		if !waits || time.Now().After(end) {
			return nil
		}
		if err := deployer.Pause(ctx, disconnectEvery); err != nil {
			return err
		}
	}
}

// inUse says whether a connection was asked something lately: what is only kept open is
// left to the service, which may have something to say to its client, as of a WebSocket.
func inUse(s *netlink.InetDiagTCPInfoResp) bool {
	return s.TCPInfo != nil && s.TCPInfo.Data_segs_in > 0 && s.TCPInfo.Last_data_recv < used
}

// rests says whether what was asked last is answered, as far as can be seen: an answer
// that goes on for longer is a download, or events, of which more may come.
func rests(s *netlink.InetDiagTCPInfoResp) bool {
	i := s.TCPInfo
	return !isBusy(s) && i.Unacked == 0 && i.Last_data_sent >= moment && i.Last_data_recv-i.Last_data_sent < answered
}

func reset(kernel *netlink.Handle, s *netlink.InetDiagTCPInfoResp) error {
	id := s.InetDiagMsg.ID
	return kernel.SocketDestroy(&net.TCPAddr{IP: id.Source, Port: int(id.SourcePort)}, &net.TCPAddr{IP: id.Destination, Port: int(id.DestinationPort)})
}
