package network

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// crowded is a VM on which others have rules too, some with names like ours.
const crowded = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
:JARLOOPY - [0:0]
-A INPUT -i lxcbr0 -p udp -m udp --dport 67 -j ACCEPT
-A INPUT -m comment --comment "jarloop: not really" -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -i lxcbr0 -j ACCEPT
-A FORWARD -j JARLOOPY
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -m comment --comment "an \"old\" one" -j DNAT --to-destination 10.0.3.9:80
-A POSTROUTING -s 10.0.3.0/24 ! -d 10.0.3.0/24 -j MASQUERADE
COMMIT
`

func fakePorts(f *fakeVM, publishes ...Publish) *Ports {
	return &Ports{
		bridge: "lxcbr0", subnet: netip.MustParsePrefix("10.0.3.1/24"), publishes: publishes,
		host: f, notes: func(string) {}, busy: make(chan struct{}, 1),
	}
}

func targets(pairs ...string) map[string]netip.AddrPort {
	m := map[string]netip.AddrPort{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = netip.MustParseAddrPort(pairs[i+1])
	}
	return m
}

var (
	web80  = Publish{"eth0", 80, "web", 0}
	web81  = Publish{"eth1", 81, "web", 0}
	api443 = Publish{"eth0", 443, "api", 0}
)

func set(t *testing.T, p *Ports, want map[string]netip.AddrPort, changed bool) {
	t.Helper()
	setAll(t, p, Wiring{Targets: want}, changed)
}

func setAll(t *testing.T, p *Ports, want Wiring, changed bool) {
	t.Helper()
	if got, err := p.Set(t.Context(), want); err != nil || got != changed {
		t.Errorf("Set(%v) = %v, %v; want %v", want, got, err, changed)
	}
}

func repair(t *testing.T, p *Ports, want map[string]netip.AddrPort, changed bool) {
	t.Helper()
	repairAll(t, p, Wiring{Targets: want}, changed)
}

func repairAll(t *testing.T, p *Ports, want Wiring, changed bool) {
	t.Helper()
	if got, err := p.Repair(t.Context(), want); err != nil || got != changed {
		t.Errorf("Repair(%v) = %v, %v; want %v", want, got, err, changed)
	}
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func TestSetBuildsTheChainsAroundTheRulesOfOthers(t *testing.T) {
	f := newFake(t, crowded)
	set(t, fakePorts(f, web80), targets("web", "10.0.3.131:8080", "unpublished", "10.0.3.132:1"), true)
	same(t, "rules", `*filter
:INPUT
:FORWARD
:OUTPUT
:DOCKER-USER
:JARLOOPY
:JARLOOP-FWD
:JARLOOP-IN
-A INPUT -m comment --comment jarloop -j JARLOOP-IN
-A INPUT -i lxcbr0 -p udp -m udp --dport 67 -j ACCEPT
-A INPUT -m comment --comment "jarloop: not really" -j ACCEPT
-A FORWARD -m comment --comment jarloop -j JARLOOP-FWD
-A FORWARD -j DOCKER-USER
-A FORWARD -i lxcbr0 -j ACCEPT
-A FORWARD -j JARLOOPY
-A DOCKER-USER -m comment --comment jarloop -j JARLOOP-FWD
-A DOCKER-USER -j RETURN
-A JARLOOP-FWD -o lxcbr0 -m conntrack --ctstate DNAT -m comment --comment "jarloop: published" -j ACCEPT
-A JARLOOP-FWD -i lxcbr0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "jarloop: answers" -j ACCEPT
-A JARLOOP-FWD -i lxcbr0 -o lxcbr0 -m comment --comment "jarloop: between containers" -j ACCEPT
-A JARLOOP-IN -d 127.0.0.0/8 -i lxcbr0 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "jarloop: no way in to the VM's own services" -j DROP
*nat
:PREROUTING
:INPUT
:OUTPUT
:POSTROUTING
:JARLOOP-80
:JARLOOP-POST
:JARLOOP
:JARLOOP-OUT
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -m comment --comment "an \"old\" one" -j DNAT --to-destination "10.0.3.9:80"
-A OUTPUT -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP-OUT
-A POSTROUTING -m comment --comment jarloop -j JARLOOP-POST
-A POSTROUTING -s 10.0.3.0/24 ! -d 10.0.3.0/24 -j MASQUERADE
-A JARLOOP-80 -p tcp -m comment --comment "jarloop: web" -j DNAT --to-destination "10.0.3.131:8080"
-A JARLOOP-POST -s 10.0.3.0/24 -d 10.0.3.0/24 -m conntrack --ctstate DNAT -m comment --comment "jarloop: hairpin" -j MASQUERADE
-A JARLOOP-POST -s 127.0.0.0/8 -d 10.0.3.0/24 -m comment --comment "jarloop: sysctls were ipv4/conf/lxcbr0/route_localnet=0 netfilter/nf_conntrack_tcp_timeout_close=10" -j MASQUERADE
-A JARLOOP -i lxcbr0 -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
-A JARLOOP -i eth0 -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
-A JARLOOP-OUT -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
10.0.3.1/24 on lxcbr0
ipv4/conf/br1/route_localnet = 0
ipv4/conf/lxcbr0/route_localnet = 1
ipv4/ip_forward = 1
netfilter/nf_conntrack_tcp_timeout_close = 0
`, f.String())
}

func TestASwitchIsOneChangeAPortAndReadsNothing(t *testing.T) {
	f := newFake(t, crowded)
	p := fakePorts(f, web80, web81, api443)
	set(t, p, targets("web", "10.0.3.131:8080", "api", "10.0.3.132:1"), true)
	for _, c := range []struct {
		targets map[string]netip.AddrPort
		did     []string
	}{
		{targets("web", "10.0.3.131:8080", "api", "10.0.3.132:1"), nil},
		{targets("web", "10.0.3.133:8080", "api", "10.0.3.132:1"), []string{"-R JARLOOP-80 1", "-R JARLOOP-81 1"}},
		{targets("web", "10.0.3.133:8080"), []string{"-D JARLOOP-443 1"}},
		{targets("web", "10.0.3.133:8080"), nil},
		{targets("web", "10.0.3.133:8080", "api", "10.0.3.134:1"), []string{"-A JARLOOP-443"}},
	} {
		f.did, f.reads = nil, 0
		set(t, p, c.targets, len(c.did) > 0)
		for i, want := range c.did {
			if len(f.did) != len(c.did) || !strings.HasPrefix(f.did[i], "iptables -t nat "+want) {
				t.Errorf("%v: did %q, want %q", c.targets, f.did, c.did)
				break
			}
		}
		if len(f.did) != len(c.did) || f.reads > 0 {
			t.Errorf("%v: did %q with %d reads", c.targets, f.did, f.reads)
		}
		read, err := p.targets(t.Context())
		if err != nil || !cmp.Equal(read, c.targets, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })) {
			t.Errorf("Targets gives %v, %v; want %v", read, err, c.targets)
		}
		repair(t, p, c.targets, false)
	}
}

func TestRouteLocalnetGoesBackToWhatItWas(t *testing.T) {
	now := targets("web", "10.0.3.131:8080")
	for _, was := range []string{"0", "1"} {
		f := newFake(t, crowded)
		f.sysctls[localnetOf("lxcbr0")] = was
		p := fakePorts(f, web80)
		set(t, p, now, true)
		f.all["nat"].rules["JARLOOP-POST"] = nil // the same agent remembers
		repair(t, p, now, true)
		repair(t, fakePorts(f, web80), now, false) // another one reads it
		other := fakePorts(f, web80)
		other.bridge = "br1"
		set(t, other, now, true)
		if f.sysctls[localnetOf("lxcbr0")] != was || f.sysctls[localnetOf("br1")] != "1" {
			t.Errorf("another bridge: %v", f.sysctls)
		}
		if err := fakePorts(f).Remove(t.Context()); err != nil {
			t.Error(err)
		}
		if f.sysctls[localnetOf("br1")] != "0" {
			t.Errorf("removed: %v", f.sysctls)
		}
	}
}

func TestABridgeThatIsGone(t *testing.T) {
	f := newFake(t, crowded)
	p := fakePorts(f, web80)
	set(t, p, targets("web", "10.0.3.131:8080"), true)
	delete(f.sysctls, localnetOf("lxcbr0"))
	if _, err := p.Repair(t.Context(), Wiring{}); err == nil || !strings.Contains(err.Error(), "lxc-net") {
		t.Errorf("Repair: %v", err)
	}
	if err := p.Remove(t.Context()); err != nil {
		t.Errorf("Remove: %v", err)
	}
}

func TestAfterAFailedMoveTheRulesAreReadAgain(t *testing.T) {
	f := newFake(t, crowded)
	p := fakePorts(f, web80)
	set(t, p, targets("web", "10.0.3.131:8080"), true)
	want := f.String()
	if err := fakePorts(f).Remove(t.Context()); err != nil { // by somebody else
		t.Fatal(err)
	}
	set(t, p, targets("web", "10.0.3.133:8080"), true)
	set(t, p, targets("web", "10.0.3.131:8080"), true)
	same(t, "rules", want, f.String())
}

func TestTargetsThatCannotBeAreRefused(t *testing.T) {
	f := newFake(t, crowded)
	p := fakePorts(f, web80)
	for _, wrong := range []map[string]netip.AddrPort{targets("web", "[fe80::1]:80"), targets("web", "0.0.0.0:80"), targets("web", "10.0.3.1:0"), {"web": {}}} {
		if _, err := p.Set(t.Context(), Wiring{Targets: wrong}); err == nil || len(f.did) > 0 {
			t.Errorf("%v: %v, did %q", wrong, err, f.did)
		}
	}
}

// TestACallEndsWithItsContext has a command of iptables hang.
func TestACallEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, crowded)
		f.block = make(chan struct{})
		p := fakePorts(f, web80)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Set(ctx, Wiring{Targets: targets("web", "10.0.3.131:8080")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the call that hangs: %v", err)
		}
		waiting, cancelWaiting := context.WithTimeout(t.Context(), time.Second)
		defer cancelWaiting()
		if err := p.Remove(waiting); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the call behind it: %v", err)
		}
		close(f.block)
		set(t, p, targets("web", "10.0.3.131:8080"), false) // the work was done after all
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, err := p.Set(t.Context(), Wiring{}); !errors.Is(err, errClosed) {
			t.Errorf("a closed one: %v", err)
		}
	})
}
