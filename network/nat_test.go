package network

import (
	"errors"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// canaries are rules of others, before, between and after ours.
func (l *lab) canaries() {
	for _, line := range []string{
		"-P FORWARD DROP",
		"-N CANARY", "-A CANARY -s 192.0.2.1 -j DROP",
		"-A INPUT -s 192.0.2.2 -m comment --comment \"jarloop: not ours\" -j DROP",
		"-A FORWARD -j CANARY", "-A FORWARD -s 192.0.2.3 -j DROP",
		"-N DOCKER-USER", "-I FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN",
		"-t nat -A PREROUTING -i eth9 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.4:80",
		"-t nat -A PREROUTING -d 192.0.2.5 -j ACCEPT",
		"-t nat -A OUTPUT -d 192.0.2.6 -j ACCEPT",
		"-t nat -A POSTROUTING -s 10.0.3.0/24 ! -d 10.0.3.0/24 -j MASQUERADE",
		"-t mangle -A POSTROUTING -o lxcbr0 -p udp -m udp --dport 68 -j CHECKSUM --checksum-fill",
	} {
		l.run(line)
	}
}

func TestAPublishedPortIsReachedFromEverywhere(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		before := l.save()
		web := l.guest("10.0.3.131")
		l.guest("10.0.3.140")
		asking := l.guests["10.0.3.140"]
		var notes []string
		p := newAgent(l.kernel(), Options{Bridge: "lxcbr0", Subnet: subnet, Notes: func(s string) { notes = append(notes, s) }}, web80)
		set(t, p, map[string]netip.AddrPort{"web": web}, true)
		repair(t, p, map[string]netip.AddrPort{"web": web}, false)
		if len(notes) != 1 || !strings.Contains(notes[0], "ip_forward") {
			t.Errorf("notes %q", notes)
		}

		l.eitherBridge(func(filtered bool) {
			l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.131 to 10.0.4.1")
			for _, own := range []string{"127.0.0.1:80", "127.0.0.2:80", "10.0.4.2:80", "10.0.3.1:80"} {
				l.wantAnswer(0, own, "10.0.3.131")
			}
			l.wantAnswer(asking, "10.0.4.2:80", "10.0.3.131")
			l.wantAnswer(asking, "10.0.3.1:80", "10.0.3.131")
			l.wantAnswer(asking, web.String(), "10.0.3.131 to 10.0.3.140")
			if !filtered {
				l.wantAnswer(l.guests["10.0.3.131"], "10.0.4.2:80", "10.0.3.131")
			}
		})
		l.wantNone(l.laptop, "10.0.4.2:81")

		set(t, p, nil, true)
		if _, err := get(l.client(l.laptop, false), "10.0.4.2:80"); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("without a target: %v", err)
		}
		l.check(p.Remove(t.Context()))
		same(t, "rules of others", before, l.save())
		if value, err := p.kernel.sysctl(localnetOf("lxcbr0")); err != nil || value != "0" {
			t.Errorf("route_localnet is %s, %v", value, err)
		}
	})
}

func TestContainersDoNotReachTheVMsOwnServices(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		web := l.guest("10.0.3.131")
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": web}, true)
		private, err := net.Listen("tcp4", "127.0.0.1:9999")
		l.check(err)
		server := &http.Server{Handler: http.NotFoundHandler()}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(private) }()
		defer func() { server.Close(); <-done }()

		// A hostile container sends packets to 127.0.0.1 to the VM.
		hostile := l.guests["10.0.3.131"]
		l.within(hostile, func() error {
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				return err
			}
			own, err := netlink.ParseAddr("127.0.0.1/8")
			if err != nil {
				return err
			}
			_, loopback, _ := net.ParseCIDR("127.0.0.0/8")
			return errors.Join(netlink.AddrDel(lo, own),
				os.WriteFile(sysctlFile(localnetOf("eth0")), []byte("1"), 0),
				netlink.RouteAdd(&netlink.Route{Dst: loopback, Gw: net.ParseIP("10.0.3.1")}))
		})
		dial := func() error {
			return inside(hostile, func() error {
				conn, err := net.DialTimeout("tcp4", "127.0.0.1:9999", time.Second)
				if err == nil {
					conn.Close()
				}
				return err
			})
		}
		if err := dial(); err == nil {
			t.Error("it gets there")
		}
		l.run("-F JARLOOP-IN")
		if err := dial(); err != nil {
			t.Errorf("without the rule it does not get there either: %v", err)
		}
	})
}

// askWhile asks at an address, a connection for each request, while the target
// moves again and again: i counts from 1. No request may fail, and each of the
// answers has to come. It gives the number of moves.
func (l *lab) askWhile(from netns.NsHandle, address string, answers []string, move func(i int)) (moves int) {
	l.t.Helper()
	client := l.client(from, false)
	var came sync.Map
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for i := range 200 {
			answer, err := get(client, address)
			if err != nil {
				l.t.Errorf("request %d: %v", i, err)
			}
			came.Store(answer, true)
		}
	}()
	for done := false; !done || moves < 2; {
		moves++
		move(moves)
		select {
		case <-asked:
			done = true
		default:
		}
	}
	for _, answer := range answers {
		found := false
		came.Range(func(got, _ any) bool {
			found = strings.HasPrefix(got.(string), answer)
			return !found
		})
		if !found {
			l.t.Errorf("%q never came in %d moves", answer, moves)
		}
	}
	return moves
}

func TestNoRequestFailsWhileTheTargetMoves(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		both := []netip.AddrPort{l.guest("10.0.3.131"), l.guest("10.0.3.132")}
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": both[0]}, true)

		moves := l.askWhile(l.laptop, "10.0.4.2:80", []string{"10.0.3.131 to 10.0.4.1", "10.0.3.132 to 10.0.4.1"}, func(i int) {
			set(t, p, map[string]netip.AddrPort{"web": both[i%2]}, true)
		})
		repair(t, p, map[string]netip.AddrPort{"web": both[moves%2]}, false)
	})
}

func TestAnOpenConnectionKeepsItsTarget(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		old, now := l.guest("10.0.3.131"), l.guest("10.0.3.132")
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": old}, true)
		client := l.client(l.laptop, true)
		for _, target := range []netip.AddrPort{old, now} {
			set(t, p, map[string]netip.AddrPort{"web": target}, target == now)
			if got, err := get(client, "10.0.4.2:80"); err != nil || got != "10.0.3.131 to 10.0.4.1" {
				t.Errorf("the open connection: %q, %v", got, err)
			}
			l.wantAnswer(l.laptop, "10.0.4.2:80", target.Addr().String())
		}
	})
}

func TestRulesFlushedByHandComeBack(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		web := map[string]netip.AddrPort{"web": l.guest("10.0.3.131")}
		p := l.ports(web80)
		set(t, p, web, true)
		want := sortChains(l.save())
		for _, harm := range []string{
			"-t nat -F JARLOOP", "-t nat -F JARLOOP-80", "-F JARLOOP-FWD", "-t nat -D JARLOOP-POST 1",
			"-t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP",
			"-t nat -A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP",
			"-A FORWARD -m comment --comment jarloop -j JARLOOP-FWD",
			"-t nat -I JARLOOP-80 -p tcp -j DNAT --to-destination 10.0.3.99:1",
			"-t nat -N JARLOOP-99",
			"-t nat -A OUTPUT -j JARLOOP-80",
		} {
			l.run(harm)
			if sortChains(l.save()) == want {
				t.Errorf("%s does no harm", harm)
			}
			repair(t, p, web, true)
			same(t, "after "+harm, want, sortChains(l.save()))
		}
		l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.131")

		for _, all := range []string{"-t nat -F", "-F", "-t nat -X", "-X"} {
			l.run(all)
		}
		l.wantNone(l.laptop, "10.0.4.2:80")
		repair(t, p, web, true)
		repair(t, p, web, false)
		l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.131")
	})
}

func TestAnotherAgentTakesOverFromOneThatWasCutOff(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		before, heldBefore := l.save(), l.held()
		web := map[string]netip.AddrPort{"web": l.guest("10.0.3.131")}
		l.guest("10.0.3.140")
		for cut := range 3 {
			first := l.ports(web81, api443)
			first.kernel.left = cut
			if _, err := first.Set(t.Context(), deployer.Routes{Targets: web, VIPs: both}); err != nil && !errors.Is(err, errFake) {
				t.Fatal(err)
			}
			next := l.ports(web80)
			want := deployer.Routes{Targets: web, VIPs: addresses("web", "10.0.3.101")}
			if _, err := next.Set(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.131")
			l.wantNone(l.laptop, "10.0.4.2:81")
			l.wantAnswer(l.guests["10.0.3.140"], "10.0.3.101:8080", "10.0.3.131")
			read, err := l.ports().targets(t.Context())
			if err != nil || len(read) != 1 || read["web"] != web["web"] {
				t.Errorf("Targets gives %v, %v", read, err)
			}
			if read, err := l.ports().vips(t.Context()); err != nil || !maps.Equal(read, want.VIPs) {
				t.Errorf("Addresses gives %v, %v", read, err)
			}
			l.check(l.ports().Remove(t.Context()))
			same(t, "rules of others", before, l.save())
			same(t, "addresses", heldBefore, l.held())
		}
		l.check(l.ports().Remove(t.Context())) // nothing there
	})
}
