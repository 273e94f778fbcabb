package sockets

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// Listening gives what the service of a guest listens on in the network of a handle.
// Which processes are the guest's is said by inside.
func Listening(kernel *netlink.Handle, inside func(pid int) bool) ([]deployer.Listener, error) {
	sockets, err := Listeners(kernel)
	if err != nil || len(sockets) == 0 {
		return nil, err
	}
	own, err := socketsOf(inside)
	if err != nil {
		return nil, err
	}
	var all []deployer.Listener
	for inode, l := range sockets {
		if own[inode] {
			all = append(all, l)
		}
	}
	return all, nil
}

// Listeners gives the sockets that listen in the network of a handle, by inode.
func Listeners(kernel *netlink.Handle) (map[uint32]deployer.Listener, error) {
	all := map[uint32]deployer.Listener{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		tcp, err := kernel.SocketDiagTCP(family)
		if err != nil {
			return nil, err
		}
		udp, err := kernel.SocketDiagUDP(family)
		if err != nil {
			return nil, err
		}
		note := func(sockets []*netlink.Socket, state uint8, isUDP bool) {
			for _, s := range sockets {
				if address, ok := netip.AddrFromSlice(s.ID.Source); ok && s.State == state {
					all[s.INode] = deployer.Listener{Addr: netip.AddrPortFrom(address.Unmap(), s.ID.SourcePort), UDP: isUDP}
				}
			}
		}
		note(tcp, netlink.TCP_LISTEN, false)
		note(udp, netlink.TCP_CLOSE, true) // that is connected to nobody
	}
	return all, nil
}

// socketsOf gives the inodes of the sockets that processes of the service have.
func socketsOf(inside func(pid int) bool) (map[uint32]bool, error) {
	own := map[uint32]bool{}
	return own, OfService(inside, func(pid int) {
		links, _ := filepath.Glob(processFile(pid, "fd/*")) // the pattern is well-formed
		for _, link := range links {
			to, _ := os.Readlink(link) // one that was closed is none
			if number, is := strings.CutPrefix(to, "socket:["); is {
				inode, _ := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32) // 0 is none
				own[uint32(inode)] = true
			}
		}
	})
}

// OfService calls do with each process of a guest's service. Which processes are the
// guest's is said by inside.
func OfService(inside func(pid int) bool, do func(pid int)) error {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || !inside(pid) {
			continue
		}
		group, err := os.ReadFile(processFile(pid, "cgroup"))
		if err != nil || !guest.OfUnit(group, func() []byte { return environ(pid) }) {
			continue
		}
		do(pid)
	}
	return nil
}

// environ gives the environment of a process, its end left out where it is longer
// than any that a process is started with (execve(2)).
func environ(pid int) []byte {
	f, err := os.Open(processFile(pid, "environ"))
	if err != nil {
		return nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 6<<20)) // of one that ends there is no more
	return text
}

func processFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
