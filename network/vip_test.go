package network

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// both are virtual IPs in the lab.
var both = addresses("frontend", "10.0.3.100", "person", "10.0.3.101")

// held gives the VM's addresses as text.
func (l *lab) held() string {
	l.t.Helper()
	all, err := readAddresses("lxcbr0")
	l.check(err)
	var lines []string
	for _, h := range all {
		lines = append(lines, fmt.Sprintf("%s on %s, ours %v", h.prefix, h.label, h.ours))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// wantRefused wants an answer that there is nothing, and that at once.
func (l *lab) wantRefused(ns netns.NsHandle, address string) {
	l.t.Helper()
	dial := func() error {
		conn, err := net.DialTimeout("tcp4", address, 2*time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	}
	if ns != 0 {
		here := dial
		dial = func() error { return inside(ns, here) }
	}
	err := dial()
	if !errors.Is(err, unix.ECONNREFUSED) {
		l.t.Errorf("%s is not refused: %v", address, err)
	}
}

// wantUnreachable wants a datagram to be answered with an error. The kernel
// holds errors to one receiver back if there were several (icmp(7),
// icmp_ratelimit), so it is asked again.
func (l *lab) wantUnreachable(ns netns.NsHandle, address string) {
	l.t.Helper()
	send := func() error {
		conn, err := net.Dial("udp4", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		for range 20 {
			if err := conn.SetDeadline(time.Now().Add(250 * time.Millisecond)); err != nil {
				return err
			}
			if _, err := conn.Write([]byte("?")); err != nil {
				return err
			}
			if _, err = conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
		}
		return err
	}
	if ns != 0 {
		here := send
		send = func() error { return inside(ns, here) }
	}
	if err := send(); !errors.Is(err, unix.ECONNREFUSED) {
		l.t.Errorf("a datagram to %s: %v", address, err)
	}
}

// sshd makes the VM listen on every address of its own.
func (l *lab) sshd() string {
	l.t.Helper()
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	l.check(err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the VM") })}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	l.t.Cleanup(func() { server.Close(); <-done })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func TestAVirtualIPIsReachedFromEveryContainerAndTheVM(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		before, heldBefore := l.save(), l.held()
		live := l.guest("10.0.3.131")
		l.guest("10.0.3.140")
		asking := l.guests["10.0.3.140"]
		p := l.ports(deployer.Publish{Interface: "eth0", Port: 80, Protocol: "tcp", Service: "frontend"})
		want := deployer.Routes{Targets: map[string]netip.AddrPort{"frontend": live}, VIPs: both}
		setAll(t, p, want, true)
		repairAll(t, p, want, false)

		port := l.sshd()
		l.eitherBridge(func(filtered bool) {
			l.wantAnswer(asking, "10.0.3.100:8080", "10.0.3.131")
			l.wantAnswer(0, "10.0.3.100:8080", "10.0.3.131")
			l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.131 to 10.0.4.1")
			if !filtered {
				l.wantAnswer(l.guests["10.0.3.131"], "10.0.3.100:8080", "10.0.3.131")
			}
			// The address reaches the container with all its ports, and the VM's
			// own services are not among them.
			l.wantRefused(asking, "10.0.3.100:"+port)
			l.wantRefused(0, "10.0.3.100:"+port)
			l.wantAnswer(asking, "10.0.3.1:"+port, "the VM")
			// Nothing is live: not the VM's services either, nor its published ports.
			for _, dead := range []string{"10.0.3.101:" + port, "10.0.3.101:80", "10.0.3.101:8080"} {
				l.wantRefused(asking, dead)
				l.wantRefused(0, dead)
			}
			l.wantUnreachable(0, "10.0.3.101:"+port)
			l.wantUnreachable(asking, "10.0.3.101:"+port)
		})
		l.check(p.Remove(t.Context()))
		same(t, "rules of others", before, l.save())
		same(t, "addresses", heldBefore, l.held())
	})
}

func TestNoRequestToAVirtualIPFailsWhileTheTargetMoves(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		generations := []netip.AddrPort{l.guest("10.0.3.131"), l.guest("10.0.3.132")}
		l.guest("10.0.3.140")
		p := l.ports()
		to := func(i int) deployer.Routes {
			return deployer.Routes{Targets: map[string]netip.AddrPort{"frontend": generations[i%2]}, VIPs: both}
		}
		setAll(t, p, to(0), true)
		kept := l.client(l.guests["10.0.3.140"], true)
		if _, err := get(kept, "10.0.3.100:8080"); err != nil {
			t.Error(err)
		}

		moves := l.askWhile(l.guests["10.0.3.140"], "10.0.3.100:8080", []string{"10.0.3.131 to 10.128.3.140", "10.0.3.132 to 10.128.3.140"}, func(i int) {
			setAll(t, p, to(i), true)
		})
		if got, err := get(kept, "10.0.3.100:8080"); err != nil || !strings.HasPrefix(got, "10.0.3.131") {
			t.Errorf("the open connection: %q, %v", got, err)
		}
		repairAll(t, p, to(moves), false)
		l.wantNoRedirects("10.0.3.140", "10.0.3.100")
	})
}

// wantNoRedirects wants a container to have learnt no way past the VM.
func (l *lab) wantNoRedirects(guest, to string) {
	l.t.Helper()
	l.within(l.guests[guest], func() error {
		out, err := exec.Command("ip", "route", "get", to).CombinedOutput()
		if strings.Contains(string(out), "redirected") || strings.Contains(string(out), "via") {
			l.t.Errorf("%s has learnt %s", guest, out)
		}
		return err
	})
}

func TestAVirtualIPTakenAwayByHandComesBack(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		live := l.guest("10.0.3.131")
		l.guest("10.0.3.140")
		p := l.ports()
		want := deployer.Routes{Targets: map[string]netip.AddrPort{"frontend": live}, VIPs: both}
		setAll(t, p, want, true)
		rules, held := sortChains(l.save()), l.held()
		bridge, err := netlink.LinkByName("lxcbr0")
		l.check(err)
		for name, harm := range map[string]func(){
			"the address": func() { l.check(netlink.AddrDel(bridge, single(both["frontend"]))) },
			"both": func() {
				for _, a := range both {
					l.check(netlink.AddrDel(bridge, single(a)))
				}
			},
			"its rule":             func() { l.run("-t nat -D JARLOOP-SERVICES 1") },
			"its refusal":          func() { l.run("-F JARLOOP-SELF") },
			"all rules of nat":     func() { l.run("-t nat -F") },
			"the jump to refusals": func() { l.run("-F INPUT") },
		} {
			harm()
			if sortChains(l.save()) == rules && l.held() == held {
				t.Errorf("%s: no harm done", name)
			}
			repairAll(t, p, want, true)
			repairAll(t, p, want, false)
			same(t, "rules without "+name, rules, sortChains(l.save()))
			same(t, "addresses without "+name, held, l.held())
			l.wantAnswer(l.guests["10.0.3.140"], "10.0.3.100:8080", "10.0.3.131")
		}

		if got, err := BridgePrefix("lxcbr0"); err != nil || got != subnet {
			t.Errorf("BridgePrefix gives %s, %v", got, err)
		}
		read, err := l.ports().vips(t.Context())
		if err != nil || !maps.Equal(read, both) {
			t.Errorf("Addresses gives %v, %v", read, err)
		}

		// Without a rule left, and by somebody who knows nothing.
		for _, all := range []string{"-t nat -F", "-F", "-t nat -X", "-X"} {
			l.run(all)
		}
		l.check(newSwitchboard(l.kernel(), "lxcbr0", netip.Prefix{}, func(string) {}).remove(t.Context()))
		if strings.Contains(l.held(), "ours true") || !strings.Contains(l.held(), "10.0.3.1/24") {
			t.Errorf("after Remove:\n%s", l.held())
		}
	})
}

func TestTheBridgeKeepsItsMACAddressWhenAContainerLeaves(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		live := l.guest("10.0.3.131")
		for i := range 6 {
			l.guest(fmt.Sprintf("10.0.3.%d", 140+i))
		}
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": live}, true)
		mac := func() string {
			link, err := netlink.LinkByName("lxcbr0")
			l.check(err)
			return link.Attrs().HardwareAddr.String()
		}
		before := mac()
		leaves := ""
		links, err := netlink.LinkList()
		l.check(err)
		for _, link := range links {
			if link.Type() == "veth" && link.Attrs().HardwareAddr.String() == before {
				leaves = link.Attrs().Name
				l.check(netlink.LinkDel(link))
			}
		}
		if leaves == "" || mac() != before {
			t.Errorf("%q left, the bridge went from %s to %s", leaves, before, mac())
		}
	})
}
