package network

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/network/relay"
)

func TestHeldConnectionsGoToTheRelayAndNothingElseDoes(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80, web81, api443, deployer.Publish{Interface: "eth0", Port: 53, Protocol: "udp", Service: "web"})
	to := deployer.Routes{
		Targets: targets("web", "10.0.3.131:8080", "api", "10.0.3.132:443"),
		VIPs:    addresses("web", "10.0.3.100", "api", "10.0.3.101"),
	}
	setAll(t, p, to, true)
	before := f.String()
	held := to
	held.Held = targets("web", "10.0.3.1:4567")
	f.reads, f.did = 0, nil
	setAll(t, p, held, true)
	if f.reads > 0 || len(f.did) != 2 {
		t.Errorf("%d reads, and a table is one act: %q", f.reads, f.did)
	}
	text := f.String()
	if n := strings.Count(text, `--to-destination "10.0.3.1:4567"`); n != 3 {
		t.Errorf("to the relay go %d of the virtual IP and two ports:\n%s", n, text)
	}
	for what, line := range map[string]string{
		"other protocols of the virtual IP": `-A JARLOOP-SERVICES "-d" "10.0.3.100/32"`,
		"the port of UDP":                   `--to-destination "10.0.3.131:8080"`,
		"another service":                   `--to-destination "10.0.3.132:443"`,
	} {
		line = strings.ReplaceAll(line, "/32", "")
		if !strings.Contains(strings.ReplaceAll(text, `"`, ""), strings.ReplaceAll(line, `"`, "")) {
			t.Errorf("%s: no %s in\n%s", what, line, text)
		}
	}
	repairAll(t, p, held, false)
	setAll(t, p, to, true)
	same(t, "after it was held", before, f.String())

	for _, wrong := range []string{"10.0.3.1:0", "[::1]:80", "0.0.0.0:80"} {
		held.Held = targets("web", wrong)
		if _, err := p.Set(t.Context(), held); err == nil {
			t.Errorf("held at %s", wrong)
		}
	}
}

// asRelay, in the environment, has TestAsRelay be the process of one.
const asRelay = "JARLOOP_NETWORK_AS_RELAY"

func TestAsRelay(t *testing.T) {
	if os.Getenv(asRelay) == "" {
		t.Skip("is a relay, for the other tests")
	}
	if err := relay.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		t.Fatal(err)
	}
}

// Whoever asks while nothing is live, by any name and port, is answered by what
// comes next, whatever the policy of INPUT is.
func TestWhoAsksMeanwhileIsAnsweredByWhatComesNext(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		for _, line := range []string{
			"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -i lo -j ACCEPT", "-P INPUT DROP",
		} {
			l.run(line)
		}
		l.canaries()
		before := l.save()
		l.guest("10.0.3.131")
		next := l.guest("10.0.3.132")
		l.guest("10.0.3.140")
		asking := l.guests["10.0.3.140"]
		p := l.ports(
			deployer.Publish{Interface: "eth0", Port: 80, Protocol: "tcp", Service: "frontend"},
			deployer.Publish{Interface: "eth0", Port: 81, Protocol: "tcp", Service: "frontend", To: 8080},
		)
		old := netip.MustParseAddrPort("10.0.3.131:9") // where nothing listens, as where a service has ended
		t.Setenv(asRelay, "yes")
		r := relay.New(relay.Options{
			Folder: t.TempDir(), Listen: subnet.Addr(), Child: []string{os.Args[0], "-test.run=^TestAsRelay$"},
		})
		at, err := r.Hold(t.Context(), deployer.Hold{
			Service: "frontend", VIP: both["frontend"], Published: map[uint16]uint16{81: 8080}, Limit: time.Minute,
		})
		l.check(err)
		to := deployer.Routes{Targets: map[string]netip.AddrPort{"frontend": old}, VIPs: both}
		setAll(t, p, to, true)
		to.Held = map[string]netip.AddrPort{"frontend": at}
		setAll(t, p, to, true)
		repairAll(t, p, to, false)

		type caller struct {
			ns      netns.NsHandle
			address string
		}
		callers := []caller{
			{l.laptop, "10.0.4.2:80"}, {l.laptop, "10.0.4.2:81"}, {asking, "10.0.3.100:8080"}, {asking, "10.0.4.2:80"},
			{0, "10.0.3.100:8080"}, {0, "127.0.0.1:80"}, {0, "127.0.0.1:81"}, {0, "10.0.4.2:80"},
		}
		answers := make(chan string, len(callers))
		for _, c := range callers {
			client := l.client(c.ns, false)
			client.Timeout = 20 * time.Second
			go func() {
				got, err := get(client, c.address)
				if err != nil {
					got = err.Error()
				}
				answers <- c.address + ": " + got
			}()
		}
		waits := func() bool {
			holding, err := r.Holding(t.Context())
			l.check(err)
			return holding["frontend"].Connections == len(callers)
		}
		for end := time.Now().Add(15 * time.Second); !waits(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not all %d wait; rules:\n%s", len(callers), l.save())
			}
		}
		// The switch, and then the release, as a deploy does it.
		to.Targets = map[string]netip.AddrPort{"frontend": next}
		setAll(t, p, to, true)
		_, err = r.Release(t.Context(), "frontend", next)
		l.check(err)
		to.Held = nil
		setAll(t, p, to, true)
		for range callers {
			if got := <-answers; !strings.Contains(got, ": 10.0.3.132 to 10.0.3.1") {
				t.Error(got)
			}
		}
		l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.132 to 10.0.4.1")
		l.check(r.End(t.Context(), "frontend"))
		l.check(p.Remove(t.Context()))
		same(t, "rules of others", before, l.save())
	})
}
