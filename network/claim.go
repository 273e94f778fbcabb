package network

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// ErrHeld says that somebody else has names and ports of this machine.
var ErrHeld = errors.New("another jarloop has names and ports of this machine")

// claimed is an abstract socket (unix(7)). Like the rules and addresses that it
// stands for, there is one in a network namespace, whatever the agents'
// configurations say of folders; and it ends with its process.
const claimed = "@jarloop-network"

// claim takes the rules, the virtual IPs and the sysctls for this process. Two
// agents with folders of their own would undo each other's every few seconds.
// Anybody can make such a socket, so one that is not root's is passed over, and
// nothing is claimed. The caller closes what is not nil.
func claim() (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: claimed, Net: "unix"})
	if !errors.Is(err, unix.EADDRINUSE) {
		return l, err
	}
	holder, e := claimant()
	switch {
	case e != nil:
		return nil, fmt.Errorf("look who has names and ports of this machine: %w", errors.Join(err, e))
	case holder.Uid != 0:
		return nil, nil //nolint:nilnil // as said above
	}
	return nil, fmt.Errorf("%w (process %d): stop it, or make one configuration of both", ErrHeld, holder.Pid)
}

// claimant says who holds the socket, as it was when it began to listen.
func claimant() (holder *unix.Ucred, err error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: claimed, Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	e := raw.Control(func(fd uintptr) {
		holder, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	return holder, errors.Join(err, e)
}
