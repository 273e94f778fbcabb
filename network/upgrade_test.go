package network

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

// earlier are the rules of the version before, as iptables-restore takes them,
// for port 80 and the virtual IP 10.0.3.100 of web at 10.0.3.131:8080. It made
// each by a command of its own, and had other comments.
const earlier = `*filter
:JARLOOP-FWD - [0:0]
:JARLOOP-IN - [0:0]
:JARLOOP-REFUSE - [0:0]
:JARLOOP-SELF - [0:0]
-A JARLOOP-FWD -o lxcbr0 -m conntrack --ctstate DNAT -m comment --comment "jarloop: published" -j ACCEPT
-A JARLOOP-FWD -i lxcbr0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "jarloop: answers" -j ACCEPT
-A JARLOOP-FWD -i lxcbr0 -o lxcbr0 -m comment --comment "jarloop: between containers" -j ACCEPT
-A JARLOOP-IN -d 127.0.0.0/8 -i lxcbr0 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "jarloop: no way in to the VM's own services" -j DROP
-A JARLOOP-REFUSE -p tcp -m comment --comment "jarloop: nothing live" -j REJECT --reject-with tcp-reset
-A JARLOOP-REFUSE -m comment --comment "jarloop: nothing live" -j REJECT --reject-with icmp-port-unreachable
-A JARLOOP-SELF -d 10.0.3.100/32 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "jarloop: web" -j JARLOOP-REFUSE
COMMIT
*nat
:JARLOOP-SERVICES - [0:0]
:JARLOOP-80 - [0:0]
:JARLOOP-POST - [0:0]
:JARLOOP - [0:0]
:JARLOOP-OUT - [0:0]
-A JARLOOP-SERVICES -d 10.0.3.100/32 -m comment --comment "jarloop: web port 8080" -j DNAT --to-destination 10.0.3.131
-A JARLOOP-80 -p tcp -m comment --comment "jarloop: web" -j DNAT --to-destination 10.0.3.131:8080
-A JARLOOP-POST -s 10.0.3.0/24 -d 10.0.3.0/24 -m conntrack --ctstate DNAT -m comment --comment "jarloop: twins" -j NETMAP --to 10.128.3.0/24
-A JARLOOP-POST -s 127.0.0.0/8 -d 10.0.3.0/24 -m comment --comment "jarloop: sysctls were ipv4/conf/lxcbr0/route_localnet=0 netfilter/nf_conntrack_tcp_timeout_close=10" -j MASQUERADE
-A JARLOOP -i lxcbr0 -m comment --comment "jarloop: service addresses" -j JARLOOP-SERVICES
-A JARLOOP -i lxcbr0 -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
-A JARLOOP -i eth0 -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
-A JARLOOP-OUT -m comment --comment "jarloop: service addresses" -j JARLOOP-SERVICES
-A JARLOOP-OUT -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
COMMIT
`

// earlierJumps are those that the version before has put into chains of others.
const earlierJumps = `*filter
-I INPUT 1 -m comment --comment jarloop -j JARLOOP-IN
-I INPUT 1 -m comment --comment jarloop -j JARLOOP-SELF
-I FORWARD 1 -m comment --comment jarloop -j JARLOOP-FWD
-I DOCKER-USER 1 -m comment --comment jarloop -j JARLOOP-FWD
COMMIT
*nat
-I PREROUTING 1 -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP
-I OUTPUT 1 -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP-OUT
-I POSTROUTING 1 -m comment --comment jarloop -j JARLOOP-POST
COMMIT
`

// upgraded has the routes of the earlier rules.
func upgraded(web netip.AddrPort) deployer.Routes {
	return deployer.Routes{
		Targets: map[string]netip.AddrPort{"web": web},
		VIPs:    addresses("web", "10.0.3.100"),
	}
}

func TestRulesOfTheVersionBeforeBecomeOursInOneAct(t *testing.T) {
	to := upgraded(netip.MustParseAddrPort("10.0.3.131:8080"))
	f := newFake(t, crowded)
	for _, text := range []string{earlier, earlierJumps} {
		if err := f.apply(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	f.held = append(f.held, held{label: "lxcbr0:jarloop", prefix: netip.MustParsePrefix("10.0.3.100/32")})
	f.sysctls[localnetOf("lxcbr0")], f.sysctls[closeTimeout], f.sysctls[forwarding] = "1", "0", "1"
	f.did = nil
	repairAll(t, fakeAgent(f, web80), to, true)
	if len(f.did) != 1 || strings.Contains(f.did[0], "-D") || strings.Contains(f.did[0], "-I") || strings.Contains(f.did[0], "-X") {
		t.Errorf("did %q", f.did)
	}
	built := newFake(t, crowded)
	setAll(t, fakeAgent(built, web80), to, true)
	same(t, "rules", sortChains(built.String()), sortChains(strings.ReplaceAll(f.String(), "/32 -m", " -m"))) // as iptables-save spells it
	if err := fakeAgent(f).Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := newFake(t, crowded)
	want.sysctls[forwarding] = "1"
	same(t, "removed", want.String(), f.String())
}

// TestNoRequestFailsWhileAnotherVersionTakesOver has each new agent find the
// rules of the version before.
func TestNoRequestFailsWhileAnotherVersionTakesOver(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		before := l.save()
		both := []netip.AddrPort{l.guest("10.0.3.131"), l.guest("10.0.3.132")}
		l.guest("10.0.3.140")
		l.restore(earlier)
		l.restore(earlierJumps)
		first := l.kernel()
		l.check(first.addAddress("lxcbr0", netip.MustParseAddr("10.0.3.100")))
		for name, value := range map[string]string{localnetOf("lxcbr0"): "1", closeTimeout: "0", forwarding: "1"} {
			l.check(first.setSysctl(name, value))
		}
		takeOver := func(i int) {
			if i%2 == 0 {
				l.restore(earlier)
				return
			}
			next := l.ports(web80)
			setAll(t, next, upgraded(both[1]), true)
			setAll(t, next, upgraded(both[0]), true)
		}
		for from, address := range map[string]string{"": "10.0.4.2:80", "10.0.3.140": "10.0.3.100:8080"} {
			asking := l.laptop
			if from != "" {
				asking = l.guests[from]
			}
			l.askWhile(asking, address, nil, takeOver)
		}
		l.check(l.ports().Remove(t.Context()))
		same(t, "rules of others", before, l.save())
	})
}

// restore gives a text to iptables-restore.
func (l *lab) restore(text string) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), l.iptables+"-restore", "--noflush", "-w")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %s", err, out)
	}
}
