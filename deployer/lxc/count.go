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
	"github.com/jarloop/jarloop/deployer/sockets"
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

// Disconnect ends the connections to a port of an instance that are in use, each at a
// moment when nobody awaits an answer.
func (e *Engine) Disconnect(ctx context.Context, name string, port uint16) error {
	h, release, err := e.running(ctx, name)
	if err == nil {
		defer release()
		err = disconnect(ctx, h.init.pid, port)
	}
	if err != nil {
		return fmt.Errorf("end connections of %s: %w", name, err)
	}
	return nil
}

func disconnect(ctx context.Context, pid int, port uint16) error {
	kernel, err := diagnosis(pid)
	if err != nil {
		return err
	}
	defer kernel.Close()
	return sockets.Disconnect(ctx, kernel, port)
}

func connections(pid int, port uint16) (open, busy int, err error) {
	kernel, err := diagnosis(pid)
	if err != nil {
		return 0, 0, err
	}
	defer kernel.Close()
	return sockets.Connections(kernel, port)
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
