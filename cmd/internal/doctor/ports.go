package doctor

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// ports looks for programs of the VM that listen on a published port: our
// rules would take it from them.
func ports(_ context.Context, m *Machine) []Finding {
	listeners := map[string][]listener{
		deployer.TCP: slices.Concat(sockets(m.read("/proc/net/tcp"), listens), sockets(m.read("/proc/net/tcp6"), listens)),
		deployer.UDP: slices.Concat(sockets(m.read("/proc/net/udp"), unconnected), sockets(m.read("/proc/net/udp6"), unconnected)),
	}
	var findings []Finding
	seen := map[string]bool{}
	for _, p := range m.Config.Ports("") {
		f := Finding{Check: fmt.Sprintf("port %d", p.Port), State: OK, Found: "free, for " + p.Service}
		if p.Protocol == deployer.UDP {
			f.Check += "/udp"
		}
		if seen[f.Check] {
			continue
		}
		seen[f.Check] = true
		for _, l := range listeners[p.Protocol] {
			if l.at.Port() != p.Port || f.State == Failed {
				continue
			}
			f.State = Warning // by way of the loopback nobody but the VM is cut off
			if public(l.at.Addr()) {
				f.State = Failed
			}
			who, pid := m.holder(l.inode)
			f.Found = fmt.Sprintf("%s listens on %s already and would lose it to %s", who, l.at, p.Service)
			f.Remedy = "stop it, or publish another port"
			if pid != 0 {
				f.Remedy = fmt.Sprintf("sudo kill %d, or publish another port", pid)
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// The states of sockets that anybody may send to: TCP_LISTEN, and TCP_CLOSE, which
// those of UDP have (net/tcp_states.h).
const (
	listens     = "0A"
	unconnected = "07"
)

// listener is a socket that anybody may send to.
type listener struct {
	at    netip.AddrPort
	inode string
}

// sockets reads those in a state from /proc/net/tcp, udp and the like (proc(5)):
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//	0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17395
func sockets(text, state string) []listener {
	var all []listener
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != state {
			continue
		}
		if at, ok := parseSocket(fields[1]); ok {
			all = append(all, listener{at, fields[9]})
		}
	}
	return all
}

// parseSocket reads an address, which the kernel prints as words of its own
// byte order, and a port.
func parseSocket(text string) (netip.AddrPort, bool) {
	address, port, ok := strings.Cut(text, ":")
	bytes, err := hex.DecodeString(address)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(bytes)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(bytes); i += 4 {
		binary.NativeEndian.PutUint32(bytes[i:], binary.BigEndian.Uint32(bytes[i:]))
	}
	a, ok := netip.AddrFromSlice(bytes)
	return netip.AddrPortFrom(a.Unmap(), uint16(number)), ok
}

// holder names the process that has a socket; its ID is 0 if none is to be
// found.
func (m *Machine) holder(inode string) (name string, pid int) {
	links, err := filepath.Glob(m.path("/proc/[0-9]*/fd/*"))
	if err != nil {
		return "a process", 0
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != "socket:["+inode+"]" {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			return fmt.Sprintf("process %d", pid), pid
		}
		return fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(comm)), pid), pid
	}
	return "a process", 0
}
