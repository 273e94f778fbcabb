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
)

// ports looks for programs of the VM that listen on a published port: our
// rules would take it from them.
func ports(_ context.Context, m *Machine) []Finding {
	listeners := slices.Concat(sockets(m.read("/proc/net/tcp")), sockets(m.read("/proc/net/tcp6")))
	var findings []Finding
	seen := map[uint16]bool{}
	for _, p := range m.Config.Ports() {
		if seen[p.Port] {
			continue
		}
		seen[p.Port] = true
		f := Finding{Check: fmt.Sprintf("port %d", p.Port), State: OK, Found: "free, for " + p.Service}
		for _, l := range listeners {
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

// listener is a TCP socket that listens.
type listener struct {
	at    netip.AddrPort
	inode string
}

// sockets reads those that listen from /proc/net/tcp or tcp6 (proc(5)):
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//	0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17395
func sockets(text string) []listener {
	var all []listener
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != "0A" {
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
