//go:build cgo

package lxc

import (
	"maps"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/sockets"
)

func TestWhatListensIsOfEachFamilyAndKind(t *testing.T) {
	init := elsewhere(t)
	want := map[string]bool{}
	note := func(kind, address string) {
		t.Helper()
		if kind[:3] == "udp" {
			c, err := net.ListenPacket(kind, address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			want["udp "+c.LocalAddr().String()] = true
			return
		}
		want["tcp "+listen(t, kind, address).listener.Addr().String()] = true
	}
	note("tcp4", "127.0.0.1:0")
	note("tcp4", "0.0.0.0:0")
	note("tcp", "[::]:0")
	note("tcp6", "[::1]:0")
	note("udp4", "0.0.0.0:0")
	note("udp6", "[::1]:0")
	s := listen(t, "tcp4", "127.0.0.1:0")
	want["tcp "+s.listener.Addr().String()] = true
	s.connect("tcp4", "127.0.0.1") // both ends of which do not listen
	c, err := net.Dial("udp4", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() }) // nor does this one

	kernel, err := diagnosis(init)
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.Close()
	all, err := sockets.Listeners(kernel)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, l := range all {
		kind := "tcp "
		if l.UDP {
			kind = "udp "
		}
		got[kind+l.Addr.String()] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("listening are %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	if all, err := listening(ended(t)); err == nil {
		t.Errorf("in a container that has gone %v listen", all)
	}
}

// Whose a socket is is known by the process that has it, not by the container.
func TestWhatOthersListenOnIsLeftOut(t *testing.T) {
	elsewhere(t)
	const serve = `exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 0, Listen => 9) or die; $| = 1; print $s->sockport, "\n"; sleep 1000'`
	start := func(environ ...string) (pid int, port uint16) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-c", serve)
		cmd.Env = environ
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		pid = startCat(t, cmd)
		text := make([]byte, 16)
		n, err := out.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		at, err := netip.ParseAddrPort("0.0.0.0:" + strings.TrimSpace(string(text[:n])))
		if err != nil {
			t.Fatal(err)
		}
		return pid, at.Port()
	}
	start("PATH=/usr/bin:/bin")
	pid, port := start("PATH=/usr/bin:/bin", "JARLOOP_UNIT=12")
	start("PATH=/usr/bin:/bin", "NO_JARLOOP_UNIT=12")
	all, err := listening(pid)
	want := deployer.Listener{Addr: netip.AddrPortFrom(netip.IPv4Unspecified(), port)}
	if err != nil || len(all) != 1 || all[0] != want {
		t.Errorf("listening are %v, %v; want %v", all, err, want)
	}
}
