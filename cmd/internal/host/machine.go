// Package host joins what a deploy wants of the machine with what the machine
// has: containers of liblxc, roots of guests, and the network's names,
// addresses and ports.
package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
	builder "github.com/jarloop/jarloop/deployer/base"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/lxc"
)

// Machine is the containers of this host.
type Machine struct {
	*lxc.Host
	// Backing is how clones are made: auto, overlay, btrfs or dir.
	Backing string

	mu    sync.Mutex
	inits map[string]guest.Init // by base, which never changes
}

var _ deployer.Machine = (*Machine)(nil)

// NewMachine gives the containers that the configuration speaks of. child is
// the command that makes one call of liblxc.
func NewMachine(c *config.Config, child []string) *Machine {
	return &Machine{Host: &lxc.Host{Path: c.LXC.Path, Child: child}, Backing: c.LXC.Backing}
}

// Clone makes a container of this host's backing.
func (m *Machine) Clone(ctx context.Context, base, name string, config []string) error {
	return m.Host.Clone(ctx, base, name, m.Backing, config)
}

// Init says which init runs in the clones of a base.
func (m *Machine) Init(_ context.Context, base string) (guest.Init, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if init, known := m.inits[base]; known {
		return init, nil
	}
	dir, err := m.Rootfs(base)
	if err != nil {
		return "", err
	}
	root, err := guest.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	init, err := guest.DetectInit(root)
	if err != nil {
		return "", fmt.Errorf("base %s: %w", base, err)
	}
	if m.inits == nil {
		m.inits = map[string]guest.Init{}
	}
	m.inits[base] = init
	return init, nil
}

// Lend gives a folder of this host to the root of a base's clones. It fails
// where that one could not come to it.
func (m *Machine) Lend(base, folder string) error {
	root, err := m.Rootfs(base)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(root, &st); err != nil {
		return fmt.Errorf("look at %s: %w", root, err)
	}
	if st.Uid == 0 {
		return nil
	}
	if err := builder.Passable(filepath.Dir(folder), int(st.Gid)); err != nil {
		return err
	}
	return errors.Join(os.Chmod(folder, 0o700), os.Chown(folder, int(st.Uid), int(st.Gid)))
}

// Fill writes files into a stopped container.
func (m *Machine) Fill(ctx context.Context, name string, files []guest.File) error {
	text, err := json.Marshal(files)
	if err != nil {
		return err
	}
	return m.Host.Fill(ctx, name, bytes.NewReader(text))
}

// WriteFiles is the other end of Fill: it runs in the child of package lxc,
// with the root of the stopped container at dir.
func WriteFiles(dir string, files io.Reader) error {
	var list []guest.File
	if err := json.NewDecoder(files).Decode(&list); err != nil {
		return err
	}
	root, err := guest.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.Fill(list)
}

// Alive says whether a process is there. A zombie counts: its parent, the
// monitor, is about to see to it.
func (m *Machine) Alive(init int) bool { return !errors.Is(syscall.Kill(init, 0), syscall.ESRCH) }

// Root opens the root of a running container.
func (m *Machine) Root(init int) (deployer.Root, error) {
	root, err := guest.OpenRoot(filepath.Join("/proc", strconv.Itoa(init), "root"))
	if err != nil {
		return nil, err // not a nil *guest.Root in an interface
	}
	return root, nil
}

// Folder is where a container is kept.
func (m *Machine) Folder(name string) string { return filepath.Join(m.Path, name) }

// Connections counts the open connections to a port inside a container. It
// asks the kernel there (sock_diag(7)).
func (m *Machine) Connections(init int, port uint16) (int, error) {
	space, err := netns.GetFromPid(init)
	if err != nil {
		return 0, fmt.Errorf("connections of process %d: %w", init, err)
	}
	defer space.Close()
	kernel, err := netlink.NewHandleAt(space, unix.NETLINK_INET_DIAG)
	if err != nil {
		return 0, fmt.Errorf("connections of process %d: %w", init, err)
	}
	defer kernel.Close()
	open := 0
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} { // a JVM listens on the latter for both
		sockets, err := kernel.SocketDiagTCP(family)
		if err != nil {
			return 0, fmt.Errorf("connections of process %d: %w", init, err)
		}
		for _, s := range sockets {
			if s.ID.SourcePort == port && s.State == netlink.TCP_ESTABLISHED {
				open++
			}
		}
	}
	return open, nil
}
