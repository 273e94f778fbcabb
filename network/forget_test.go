package network

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// resetting serves at port 9000 of a guest: it answers with the guest's address
// and resets the connection, as a JVM does that has not read all of a request.
func (l *lab) resetting(addr string) netip.AddrPort {
	l.t.Helper()
	l.guest(addr)
	var listener net.Listener
	l.check(inside(l.guests[addr], func() (err error) {
		listener, err = net.Listen("tcp4", addr+":9000")
		return err
	}))
	l.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, addr)
			_, _ = conn.Read(make([]byte, 1)) // the client has the answer
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}()
	return netip.MustParseAddrPort(addr + ":9000")
}

// from asks from always the same port, and gives the answer.
func (l *lab) from(ns netns.NsHandle, port int, to string) (answer string) {
	l.t.Helper()
	dialer := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{Port: port}, Control: reuse}
	l.check(inside(ns, func() error {
		conn, err := dialer.DialContext(context.Background(), "tcp4", to)
		if err != nil {
			return err
		}
		defer conn.Close()
		text := make([]byte, 32)
		n, err := conn.Read(text)
		if err != nil {
			return err
		}
		answer = string(text[:n])
		if _, err := conn.Write([]byte("x")); err != nil {
			return err
		}
		_, err = conn.Read(text)
		if err == nil || errors.Is(err, io.EOF) {
			l.t.Errorf("the connection was not reset: %v", err)
		}
		return nil
	}))
	return answer
}

func reuse(_, _ string, c syscall.RawConn) (err error) {
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}); e != nil {
		return e
	}
	return err
}

func TestWhoeverUsesAPortAgainGetsTheNewTarget(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		one, two := l.resetting("10.0.3.131"), l.resetting("10.0.3.132")
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": one}, true)
		const port = 40000
		if got := l.from(l.laptop, port, "10.0.4.2:80"); got != "10.0.3.131" {
			t.Fatalf("%q answers", got)
		}
		set(t, p, map[string]netip.AddrPort{"web": two}, true)
		if got := l.from(l.laptop, port, "10.0.4.2:80"); got != "10.0.3.132" {
			t.Errorf("%q answers", got)
		}
	})
}

func TestConnectionsToAGenerationThatIsGoneAreForgotten(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": l.resetting("10.0.3.132")}, true)
		l.check(inside(l.laptop, func() error {
			conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp4", "10.0.4.2:80")
			if err == nil {
				t.Cleanup(func() { conn.Close() })
			}
			return err
		}))
		remembered := func() (n int) {
			all, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
			l.check(err)
			for _, flow := range all {
				if flow.Reverse.SrcIP.String() == "10.0.3.132" {
					n++
				}
			}
			return n
		}
		if n := remembered(); n != 1 {
			t.Fatalf("%d connections, not one", n)
		}
		l.check(p.Forget(netip.MustParseAddr("10.0.3.132")))
		if n := remembered(); n != 0 {
			t.Errorf("still %d connections", n)
		}
		l.check(p.Forget(netip.MustParseAddr("10.0.3.132"))) // there is none any more
	})
}

func TestAConnectionFromTheSamePortIsNotForgottenWithTheOneBefore(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		one, two := l.resetting("10.0.3.131"), l.resetting("10.0.3.132")
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": one}, true)
		ask := func() net.Conn {
			dialer := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{Port: 40000}, Control: reuse}
			var conn net.Conn
			l.check(inside(l.laptop, func() (err error) {
				conn, err = dialer.DialContext(t.Context(), "tcp4", "10.0.4.2:80")
				return err
			}))
			return conn
		}
		first := ask()
		old, err := flows(flow{from: one.Addr()})
		l.check(err)
		if len(old) != 1 {
			t.Fatalf("%d connections, not one", len(old))
		}
		_ = first.(*net.TCPConn).SetLinger(0) // no TIME_WAIT here, and the port is free
		first.Close()
		set(t, p, map[string]netip.AddrPort{"web": two}, true)
		second := ask()
		defer second.Close()
		if err := old[0].reply.forget(); !errors.Is(err, unix.ENOENT) {
			t.Errorf("forget what has ended: %v", err)
		}
		if left, err := flows(flow{from: two.Addr()}); err != nil || len(left) != 1 {
			t.Errorf("the second connection is remembered %d times, %v", len(left), err)
		}
	})
}
