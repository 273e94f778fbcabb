package lxc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// Connections counts the open connections to a port of an instance, and of these
// the busy ones. It asks the kernel there (sock_diag(7)).
func (e *Engine) Connections(ctx context.Context, name string, port uint16) (open, busy int, err error) {
	h, release, err := e.running(ctx, name)
	if err != nil {
		return 0, 0, fmt.Errorf("connections of %s: %w", name, err)
	}
	defer release()
	open, busy, err = connections(h.init.pid, port)
	if err == nil && !h.alive() { // whose they are is not known
		err = deployer.ErrStopped
	}
	if err != nil {
		return 0, 0, fmt.Errorf("connections of %s: %w", name, err)
	}
	return open, busy, nil
}

func connections(pid int, port uint16) (open, busy int, err error) {
	kernel, err := diagnosis(pid)
	if err != nil {
		return 0, 0, err
	}
	defer kernel.Close()
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

// diagnosis asks the kernel about the sockets in the network of a process. The
// caller closes it.
func diagnosis(pid int) (*netlink.Handle, error) {
	space, err := netns.GetFromPid(pid)
	if err != nil {
		return nil, err
	}
	defer space.Close()
	return netlink.NewHandleAt(space, unix.NETLINK_INET_DIAG)
}

// Memory gives how many bytes of memory an instance holds: what the kernel counts
// for it, without the cached files that it would give back at once.
func (e *Engine) Memory(ctx context.Context, name string) (int64, error) {
	h, release, err := e.running(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", name, err)
	}
	defer release()
	bytes, err := memory("/", h.init.pid)
	if err == nil && !h.alive() {
		err = deployer.ErrStopped
	}
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", name, err)
	}
	return bytes, nil
}

// Space gives what is free where containers are, and where their logs are.
func (e *Engine) Space(context.Context) ([]deployer.Space, error) {
	var all []deployer.Space
	for _, folder := range []string{e.Path, e.Logs} {
		var s unix.Statfs_t
		err := unix.Statfs(folder, &s)
		if os.IsNotExist(err) { // the first instance makes it
			err = unix.Statfs(filepath.Dir(folder), &s)
		}
		if err != nil {
			return nil, fmt.Errorf("look at the disk of %s: %w", folder, err)
		}
		all = append(all, deployer.Space{
			Where: folder, Bytes: s.Bavail * uint64(s.Bsize), Files: s.Ffree,
			NoFiles: s.Files == 0, // btrfs counts none
		})
	}
	return all, nil
}
