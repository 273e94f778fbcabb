package control

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// checked accepts only clients of root and its group, and not too many.
type checked struct {
	net.Listener
	slots    chan struct{}
	refusals refusals
}

func (c *checked) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if p, err := peerOf(conn); err != nil || !p.allowed() {
			conn.Close()
			c.refusals.add(p, err, time.Now())
			continue
		}
		select {
		case c.slots <- struct{}{}:
			return &slotted{Conn: conn, slots: c.slots}, nil
		default:
			conn.Close()
		}
	}
}

// peer is the process at the other end, as it was when it connected.
type peer struct {
	pid, uid, gid int
	groups        []int // beside gid
}

// allowed says whether a process is root's or of root's group. The socket's
// mode says so too; this holds when somebody changes it.
func (p peer) allowed() bool {
	return p.uid == 0 || p.uid == os.Geteuid() || p.gid == 0 || slices.Contains(p.groups, 0)
}

// peerOf asks the kernel, not the client.
func peerOf(conn net.Conn) (p peer, err error) {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return peer{}, fmt.Errorf("%T is no unix socket", conn)
	}
	cred, err := Credentials(unixConn)
	if err != nil {
		return peer{}, err
	}
	p = peer{pid: int(cred.Pid), uid: int(cred.Uid), gid: int(cred.Gid)}
	err = ask(unixConn, func(fd uintptr) (err error) {
		p.groups, err = peerGroups(fd)
		return err
	})
	return p, err
}

// Credentials says which process is at the other end of a socket, as it was when
// it connected or began to listen.
func Credentials(conn *net.UnixConn) (cred *unix.Ucred, err error) {
	err = ask(conn, func(fd uintptr) (err error) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	return cred, err
}

// ask calls do with the descriptor of a socket.
func ask(conn *net.UnixConn, do func(fd uintptr) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = do(fd) })
	return errors.Join(err, failed)
}

// peerGroups gives the supplementary groups of the process at the other end.
// x/sys has no call for it: SO_PEERGROUPS fills an array of gid_t and says its
// length in bytes, or ERANGE and the length that it wants (sk_getsockopt in
// net/core/sock.c, Linux 4.13).
func peerGroups(fd uintptr) ([]int, error) {
	buf := make([]byte, 64*4)
	for {
		size := uint32(len(buf))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == unix.ERANGE && int(size) > len(buf):
			buf = make([]byte, size)
			continue
		case errno != 0:
			return nil, os.NewSyscallError("getsockopt SO_PEERGROUPS", errno)
		}
		var groups []int
		for b := buf[:size]; len(b) >= 4; b = b[4:] {
			groups = append(groups, int(binary.NativeEndian.Uint32(b)))
		}
		return groups, nil
	}
}

// refusalRest is how long no refusal is reported after one was: whoever is
// refused must not be able to fill the log.
const refusalRest = time.Minute

// refusals reports clients that were refused.
type refusals struct {
	warn   func(text string)
	last   time.Time
	silent int // since then
}

// add reports a client that was refused, unless one was reported a moment ago;
// the next report has the number of those in between.
func (r *refusals) add(p peer, err error, now time.Time) {
	if !r.last.IsZero() && now.Sub(r.last) < refusalRest {
		r.silent++
		return
	}
	text := fmt.Sprintf("refused process %d of user %d, group %d, on the socket: only root and its group may ask", p.pid, p.uid, p.gid)
	if err != nil {
		text = fmt.Sprintf("refused a client on the socket, of whom the kernel says nothing: %v", err)
	}
	if r.silent > 0 {
		text += fmt.Sprintf(" (and %d more before)", r.silent)
	}
	r.last, r.silent = now, 0
	r.warn(text)
}

// slotted frees its slot when it is closed, once: the goroutine that answers
// closes it, and so does the one that stops the server.
type slotted struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

func (s *slotted) Close() error {
	s.once.Do(func() { <-s.slots })
	return s.Conn.Close()
}
