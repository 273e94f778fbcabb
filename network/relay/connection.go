package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// dialEvery is between two attempts to connect to where a connection goes, whose
// service may have just begun to listen.
const (
	dialEvery = 20 * time.Millisecond
	dialTime  = 5 * time.Second // of one of them
)

// errBound says that a connection has waited as long as it may, or finds too many
// that wait.
var errBound = errors.New("a bound is reached")

// handle has a connection wait until there is somewhere to go, and passes it on.
func (r *relay) handle(c *net.TCPConn) {
	defer c.Close()
	early, ended, err := r.wait(c)
	if err == nil {
		var server *net.TCPConn
		if server, err = r.dial(meant(c)); err == nil {
			defer server.Close()
			join(c, server, early, ended)
			return
		}
	}
	if errors.Is(err, errBound) {
		r.refuses()
		r.refuse(c, early)
	}
}

// wait keeps what a client sends until there is somewhere to go; ended says that it
// sends no more.
func (r *relay) wait(c *net.TCPConn) (early []byte, ended bool, err error) {
	if r.held.Err() != nil && r.target().IsValid() {
		return nil, false, nil
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return nil, false, errBound
	}
	ends := r.begins()
	early, ended, err = r.read(c)
	ends()
	if err == nil && !r.target().IsValid() {
		err = errBound
	}
	return early, ended, err
}

// read reads until it is over that connections are held.
func (r *relay) read(c *net.TCPConn) (early []byte, ended bool, err error) {
	over := make(chan struct{})
	stop := context.AfterFunc(r.held, func() {
		defer close(over)
		_ = c.SetReadDeadline(time.Unix(1, 0)) // a connection that has ended says so when it is read
	})
	for !ended && err == nil && len(early) < r.bytes {
		if len(early) == cap(early) {
			early = append(make([]byte, 0, min(r.bytes, max(4<<10, 4*cap(early)))), early...)
		}
		var n int
		n, err = c.Read(early[len(early):cap(early)])
		early = early[:len(early)+n]
		if errors.Is(err, io.EOF) {
			ended, err = true, nil
		}
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		if !stop() {
			<-over
		}
		return early, ended, err
	}
	<-over // what is more than that stays with the client
	return early, ended, c.SetReadDeadline(time.Time{})
}

// dial connects to where the connection goes. What does not listen there yet is
// waited for, within the limit.
func (r *relay) dial(meant netip.AddrPort) (*net.TCPConn, error) {
	for {
		to := r.target()
		to = netip.AddrPortFrom(to.Addr(), r.port(meant, to.Port()))
		c, err := net.DialTimeout("tcp4", to.String(), dialTime)
		if err == nil {
			return c.(*net.TCPConn), nil
		}
		if time.Since(r.began) > r.Limit {
			return nil, errBound
		}
		time.Sleep(dialEvery)
	}
}

// join passes on what has come, and then all that comes, both ways, until both
// sides have ended. What one side cuts off is cut off for the other, too.
func join(client, server *net.TCPConn, early []byte, ended bool) {
	var both sync.WaitGroup
	cut := func() {
		for _, c := range []*net.TCPConn{client, server} {
			_ = c.SetLinger(0)
			_ = c.Close()
		}
	}
	both.Go(func() {
		if _, err := server.Write(early); err != nil {
			cut()
			return
		}
		early = nil // it may be a long conversation
		if !ended {
			if _, err := io.Copy(server, client); err != nil {
				cut()
				return
			}
		}
		_ = server.CloseWrite()
	})
	both.Go(func() {
		if _, err := io.Copy(client, server); err != nil {
			cut()
			return
		}
		_ = client.CloseWrite()
	})
	both.Wait()
}

// meant gives the address that a client has connected to, before it was led here
// (SO_ORIGINAL_DST); the zero one where that is not known.
func meant(c *net.TCPConn) (addr netip.AddrPort) {
	raw, err := c.SyscallConn()
	if err != nil {
		return addr
	}
	_ = raw.Control(func(fd uintptr) {
		// A sockaddr_in fits into the first 16 bytes of this.
		if m, err := unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, unix.SO_ORIGINAL_DST); err == nil {
			b := m.Multiaddr
			addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:4]))
		}
	})
	return addr
}

// http1 is how a request of HTTP/1 begins (RFC 9112, section 3).
var http1 = regexp.MustCompile(`^[A-Z]+ [^ \r\n]+ HTTP/1\.[01]\r?\n`)

// refuse says to a client that it cannot be served now, as far as it understands
// that; else it is cut off, so that it does not take silence for an answer.
func (r *relay) refuse(c *net.TCPConn, early []byte) {
	select {
	case r.peeks <- struct{}{}:
		defer func() { <-r.peeks }()
	default:
		_ = c.SetLinger(0)
		return
	}
	_ = c.SetDeadline(time.Now().Add(r.peek))
	for len(early) < 4<<10 && !http1.Match(early) {
		more := make([]byte, 4<<10)
		n, err := c.Read(more)
		if early = append(early, more[:n]...); err != nil {
			break
		}
	}
	if !http1.Match(early) {
		_ = c.SetLinger(0)
		return
	}
	if _, err := c.Write([]byte(refusal(r.Service))); err != nil || c.CloseWrite() != nil {
		return
	}
	// What it still sends would have the kernel cut off the answer (RFC 9112, 9.6).
	_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<20))
}
