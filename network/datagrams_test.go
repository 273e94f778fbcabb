package network

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netns"

	"github.com/jarloop/jarloop/deployer"
)

var dns53 = deployer.Publish{Interface: "eth0", Port: 53, Protocol: "udp", Service: "dns", To: 5300}

func TestAPortOfBothProtocols(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, dns53, deployer.Publish{Interface: "eth0", Port: 53, Protocol: "tcp", Service: "api"})
	setAll(t, p, deployer.Routes{Targets: targets("dns", "10.0.3.131:8080", "api", "10.0.3.132:9000")}, true)
	text := f.String()
	for _, want := range []string{
		`-A JARLOOP -i eth0 -p udp -m udp --dport 53 -m comment --comment "jarloop: dns" -j JARLOOP-53-UDP`,
		`-A JARLOOP-53-UDP -p udp -m comment --comment "jarloop: dns:5300" -j DNAT --to-destination "10.0.3.131:5300"`,
		`-A JARLOOP -i eth0 -p tcp -m tcp --dport 53 -m comment --comment "jarloop: api" -j JARLOOP-53` + "\n",
		`-A JARLOOP-53 -p tcp -m comment --comment "jarloop: api" -j DNAT --to-destination "10.0.3.132:9000"`,
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	p.publish[0].Protocol = "sctp"
	if _, err := p.Set(t.Context(), deployer.Routes{}); err == nil {
		t.Error("a protocol that nobody knows is published")
	}
}

func TestAPortWhoseTargetIsNotKnownYetRefuses(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80)
	setAll(t, p, deployer.Routes{Targets: targets("web", "10.0.3.131:0")}, true)
	if text := f.String(); strings.Contains(text, "10.0.3.131") {
		t.Errorf("it leads to port 0:\n%s", text)
	}
}

func TestWhatTheKernelRemembersOfDatagramsGoesWhereATargetMoves(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, dns53)
	vip := addresses("dns", "10.0.3.101")
	for _, to := range []string{"", "10.0.3.131:1", "10.0.3.131:1", "10.0.3.132:1", ""} {
		r := deployer.Routes{VIPs: vip}
		if to != "" {
			r.Targets = targets("dns", to)
		}
		if _, err := p.Set(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"[10.0.3.101] [53]", "[10.0.3.131] []", "[10.0.3.132] []"}
	if diff := cmp.Diff(want, f.forgot); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// echo answers datagrams to port 5300 of a guest with the guest's address.
func (l *lab) echo(addr string) netip.AddrPort {
	l.t.Helper()
	at := l.guest(addr)
	var conn net.PacketConn
	l.check(inside(l.guests[addr], func() (err error) {
		conn, err = net.ListenPacket("udp4", addr+":5300")
		return err
	}))
	l.t.Cleanup(func() { conn.Close() })
	go func() {
		text := make([]byte, 32)
		for {
			_, from, err := conn.ReadFrom(text)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo([]byte(addr), from)
		}
	}()
	return at
}

// sender gives a socket that sends to always the same place from always the same
// port.
func (l *lab) sender(from netns.NsHandle, to string) net.Conn {
	l.t.Helper()
	var conn net.Conn
	dial := func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(context.Background(), "udp4", to)
		return err
	}
	if from == 0 {
		l.check(dial())
	} else {
		l.check(inside(from, dial))
	}
	l.t.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends a datagram and gives the answer, or the error.
func ask(conn net.Conn) string {
	text := make([]byte, 32)
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("?")); err != nil {
		return err.Error()
	}
	n, err := conn.Read(text)
	if err != nil {
		return err.Error()
	}
	return string(text[:n])
}

func TestTheNextDatagramGoesToTheNewTarget(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		first, second := l.echo("10.0.3.131"), l.echo("10.0.3.132")
		l.guest("10.0.3.140")
		p := l.ports(dns53)
		vips := addresses("dns", "10.0.3.101")
		senders := map[string]net.Conn{
			"from the laptop":            l.sender(l.laptop, "10.0.4.2:53"),
			"from the VM":                l.sender(0, "127.0.0.1:53"),
			"from a container":           l.sender(l.guests["10.0.3.140"], "10.0.4.2:53"),
			"by name from a container":   l.sender(l.guests["10.0.3.140"], "10.0.3.101:5300"),
			"by virtual IP from the VM":  l.sender(0, "10.0.3.101:5300"),
			"by bridge from a container": l.sender(l.guests["10.0.3.140"], "10.0.3.1:53"),
		}
		for _, targets := range []map[string]netip.AddrPort{nil, {"dns": first}, {"dns": second}, nil, {"dns": first}} {
			if _, err := p.Set(t.Context(), deployer.Routes{Targets: targets, VIPs: vips}); err != nil {
				t.Fatal(err)
			}
			want := "refused"
			if t, found := targets["dns"]; found {
				want = t.Addr().String()
			}
			for name, conn := range senders {
				if got := ask(conn); !strings.Contains(got, want) {
					t.Errorf("%s: %q answers, want %q", name, got, want)
				}
			}
		}
	})
}
