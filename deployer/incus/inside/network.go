package inside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/sockets"
)

func diagnosis() (*netlink.Handle, error) { return netlink.NewHandle(unix.NETLINK_INET_DIAG) }

func listening() ([]deployer.Listener, error) {
	kernel, err := diagnosis()
	if err != nil {
		return nil, err
	}
	defer kernel.Close()
	return sockets.Listening(kernel, func(int) bool { return true }) // no others are to be seen from here
}

func connections(port uint16) (open, busy int, err error) {
	kernel, err := diagnosis()
	if err != nil {
		return 0, 0, err
	}
	defer kernel.Close()
	return sockets.Connections(kernel, port)
}

func disconnect(ctx context.Context, port uint16) error {
	kernel, err := diagnosis()
	if err != nil {
		return err
	}
	defer kernel.Close()
	return sockets.Disconnect(ctx, kernel, port)
}

// dial connects to a port at the guest's own address, as its callers do, and passes on
// what is read and written.
func (s *server) dial(ctx context.Context) error {
	conn, err := connect(ctx, s.Port)
	if err := s.answer(Answer{}, err); err != nil || conn == nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, err := io.Copy(conn, s.in)
		if tcp, is := conn.(*net.TCPConn); is && err == nil {
			err = tcp.CloseWrite()
		}
		if err != nil {
			conn.Close()
		}
	}()
	_, err = io.Copy(flushing{s}, conn)
	return err
}

// flushing writes at once.
type flushing struct{ s *server }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.s.out.Write(p)
	return n, errors.Join(err, f.s.out.Flush())
}

func connect(ctx context.Context, port uint16) (net.Conn, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || !prefix.Addr().Is4() || prefix.Addr().IsLoopback() || prefix.Addr().IsLinkLocalUnicast() {
			continue
		}
		dialer := net.Dialer{Timeout: 20 * time.Second}
		return dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(prefix.Addr(), port).String())
	}
	return nil, fmt.Errorf("the guest has no address")
}
