package network

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
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

func TestSetBuildsTheChainsAroundTheRulesOfOthers(t *testing.T) {
	f := newFake(t, crowded)
	set(t, fakeAgent(f, web80), targets("web", "10.0.3.131:8080", "unpublished", "10.0.3.132:1"), true)
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

func TestASwitchIsOneActAndReadsNothing(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80, web81, api443)
	set(t, p, targets("web", "10.0.3.131:8080", "api", "10.0.3.132:1"), true)
	dnat := func(chain, service, to string) string {
		return "-A " + chain + ` -p tcp -m comment --comment "jarloop: ` + service + `" -j DNAT --to-destination "` + to + `"`
	}
	for _, c := range []struct {
		targets map[string]netip.AddrPort
		did     []string
	}{
		{targets("web", "10.0.3.131:8080", "api", "10.0.3.132:1"), nil},
		{targets("web", "10.0.3.133:8080", "api", "10.0.3.132:1"), []string{"*nat", ":JARLOOP-80 - [0:0]", ":JARLOOP-81 - [0:0]",
			dnat("JARLOOP-80", "web", "10.0.3.133:8080"), dnat("JARLOOP-81", "web", "10.0.3.133:8080")}},
		{targets("web", "10.0.3.133:8080"), []string{"*nat", ":JARLOOP-443 - [0:0]"}},
		{targets("web", "10.0.3.133:8080"), nil},
		{targets("web", "10.0.3.135:8080", "api", "10.0.3.134:1"), []string{"*nat", ":JARLOOP-80 - [0:0]", ":JARLOOP-81 - [0:0]", ":JARLOOP-443 - [0:0]",
			dnat("JARLOOP-80", "web", "10.0.3.135:8080"), dnat("JARLOOP-81", "web", "10.0.3.135:8080"), dnat("JARLOOP-443", "api", "10.0.3.134:1")}},
	} {
		f.did, f.reads = nil, 0
		set(t, p, c.targets, len(c.did) > 0)
		if want := strings.Join(c.did, "\n"); strings.Join(f.did, "\n") != want || len(f.did) > 1 || f.reads > 0 {
			t.Errorf("%v: did %q with %d reads; want %q", c.targets, f.did, f.reads, want)
		}
		read, err := p.targets(t.Context())
		if err != nil || !cmp.Equal(read, c.targets, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })) {
			t.Errorf("targets gives %v, %v; want %v", read, err, c.targets)
		}
		repair(t, p, c.targets, false)
	}
}

func TestRouteLocalnetGoesBackToWhatItWas(t *testing.T) {
	now := targets("web", "10.0.3.131:8080")
	for _, was := range []string{"0", "1"} {
		f := newFake(t, crowded)
		f.sysctls[localnetOf("lxcbr0")] = was
		p := fakeAgent(f, web80)
		set(t, p, now, true)
		f.all["nat"].rules["JARLOOP-POST"] = nil // the same agent remembers
		repair(t, p, now, true)
		repair(t, fakeAgent(f, web80), now, false) // another one reads it
		other := agentOn(f, "br1", web80)
		set(t, other, now, true)
		if f.sysctls[localnetOf("lxcbr0")] != was || f.sysctls[localnetOf("br1")] != "1" {
			t.Errorf("another bridge: %v", f.sysctls)
		}
		if err := fakeAgent(f).Remove(t.Context()); err != nil {
			t.Error(err)
		}
		if f.sysctls[localnetOf("br1")] != "0" {
			t.Errorf("removed: %v", f.sysctls)
		}
	}
}

func TestABridgeThatIsGone(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80)
	set(t, p, targets("web", "10.0.3.131:8080"), true)
	delete(f.sysctls, localnetOf("lxcbr0"))
	if _, _, err := p.Repair(t.Context(), deployer.Routes{}); err == nil || !strings.Contains(err.Error(), "lxc-net") {
		t.Errorf("Repair: %v", err)
	}
	if err := p.Remove(t.Context()); err != nil {
		t.Errorf("Remove: %v", err)
	}
}

func TestTargetsThatCannotBeAreRefused(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80)
	for _, wrong := range []map[string]netip.AddrPort{targets("web", "[fe80::1]:80"), targets("web", "0.0.0.0:80"), {"web": {}}} {
		if _, err := p.Set(t.Context(), deployer.Routes{Targets: wrong}); err == nil || len(f.did) > 0 {
			t.Errorf("%v: %v, did %q", wrong, err, f.did)
		}
	}
}
