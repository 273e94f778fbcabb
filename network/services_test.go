package network

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

// published has a published service, one that is not, and one that has no target.
func published() deployer.Routes {
	return deployer.Routes{
		Targets: targets("web", "10.0.3.131:8080", "person", "10.0.3.132:8085"),
		VIPs:    addresses("web", "10.0.3.100", "person", "10.0.3.101", "session", "10.0.3.102"),
	}
}

func TestVirtualIPsBesideThePublishedPorts(t *testing.T) {
	f := newFake(t, "*filter\n:INPUT\n:FORWARD\nCOMMIT\n*nat\n:PREROUTING\n:OUTPUT\n:POSTROUTING\nCOMMIT\n")
	setAll(t, fakeAgent(f, web80), published(), true)
	same(t, "rules", `*filter
:INPUT
:FORWARD
:JARLOOP-FWD
:JARLOOP-IN
:JARLOOP-REFUSE
:JARLOOP-SELF
-A INPUT -m comment --comment jarloop -j JARLOOP-SELF
-A INPUT -m comment --comment jarloop -j JARLOOP-IN
-A FORWARD -m comment --comment jarloop -j JARLOOP-FWD
-A JARLOOP-FWD -o lxcbr0 -m conntrack --ctstate DNAT -m comment --comment "jarloop: published" -j ACCEPT
-A JARLOOP-FWD -i lxcbr0 -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "jarloop: answers" -j ACCEPT
-A JARLOOP-FWD -i lxcbr0 -o lxcbr0 -m comment --comment "jarloop: between containers" -j ACCEPT
-A JARLOOP-IN -d 127.0.0.0/8 -i lxcbr0 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "jarloop: no way in to the VM's own services" -j DROP
-A JARLOOP-REFUSE -p tcp -m comment --comment "jarloop: nothing live" -j REJECT --reject-with tcp-reset
-A JARLOOP-REFUSE -m comment --comment "jarloop: nothing live" -j REJECT --reject-with icmp-port-unreachable
-A JARLOOP-SELF -d 10.0.3.101 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "jarloop: person" -j JARLOOP-REFUSE
-A JARLOOP-SELF -d 10.0.3.102 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "jarloop: session" -j JARLOOP-REFUSE
-A JARLOOP-SELF -d 10.0.3.100 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "jarloop: web" -j JARLOOP-REFUSE
*nat
:PREROUTING
:OUTPUT
:POSTROUTING
:JARLOOP-SERVICES
:JARLOOP-80
:JARLOOP-POST
:JARLOOP
:JARLOOP-OUT
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP
-A OUTPUT -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP-OUT
-A POSTROUTING -m comment --comment jarloop -j JARLOOP-POST
-A JARLOOP-SERVICES -d 10.0.3.101 -m comment --comment "jarloop: person port 8085" -j DNAT --to-destination 10.0.3.132
-A JARLOOP-SERVICES -d 10.0.3.102 -m comment --comment "jarloop: session" -j ACCEPT
-A JARLOOP-SERVICES -d 10.0.3.100 -m comment --comment "jarloop: web port 8080" -j DNAT --to-destination 10.0.3.131
-A JARLOOP-80 -p tcp -m comment --comment "jarloop: web" -j DNAT --to-destination "10.0.3.131:8080"
-A JARLOOP-POST -s 10.0.3.0/24 -d 10.0.3.0/24 -m conntrack --ctstate DNAT -m comment --comment "jarloop: hairpin" -j NETMAP --to 10.128.3.0/24
-A JARLOOP-POST -s 127.0.0.0/8 -d 10.0.3.0/24 -m comment --comment "jarloop: sysctls were ipv4/conf/lxcbr0/route_localnet=0 netfilter/nf_conntrack_tcp_timeout_close=10" -j MASQUERADE
-A JARLOOP -i lxcbr0 -m comment --comment "jarloop: virtual IPs" -j JARLOOP-SERVICES
-A JARLOOP -i lxcbr0 -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
-A JARLOOP -i eth0 -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
-A JARLOOP-OUT -m comment --comment "jarloop: virtual IPs" -j JARLOOP-SERVICES
-A JARLOOP-OUT -p tcp -m tcp --dport 80 -m comment --comment "jarloop: web" -j JARLOOP-80
10.0.3.1/24 on lxcbr0
10.0.3.100/32 on lxcbr0:jarloop
10.0.3.101/32 on lxcbr0:jarloop
10.0.3.102/32 on lxcbr0:jarloop
ipv4/conf/br1/route_localnet = 0
ipv4/conf/lxcbr0/route_localnet = 1
ipv4/ip_forward = 1
netfilter/nf_conntrack_tcp_timeout_close = 0
`, f.String())
}

func TestASwitchOfPortAndVirtualIPIsOneAct(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80)
	w := published()
	setAll(t, p, w, true)
	for _, c := range []struct {
		name string
		to   func()
		did  []string // the chains that are made anew
	}{
		{"the published one moves", func() { w.Targets["web"] = netip.MustParseAddrPort("10.0.3.141:8080") },
			[]string{"JARLOOP-SERVICES", "JARLOOP-80"}},
		{"one that is not published moves", func() { w.Targets["person"] = netip.MustParseAddrPort("10.0.3.142:8085") },
			[]string{"JARLOOP-SERVICES"}},
		{"nothing moves", func() {}, nil},
		{"one goes", func() { delete(w.Targets, "person") }, []string{"JARLOOP-SERVICES"}},
		{"one comes", func() { w.Targets["session"] = netip.MustParseAddrPort("10.0.3.143:8084") }, []string{"JARLOOP-SERVICES"}},
		{"a stranger comes", func() { w.Targets["stranger"] = netip.MustParseAddrPort("10.0.3.144:1") }, nil},
		{"all move", func() {
			w.Targets = targets("web", "10.0.3.151:8080", "person", "10.0.3.152:8085", "session", "10.0.3.153:8084", "stranger", "10.0.3.154:1")
		}, []string{"JARLOOP-SERVICES", "JARLOOP-80"}},
	} {
		f.did, f.reads = nil, 0
		c.to()
		setAll(t, p, w, len(c.did) > 0)
		var declared []string
		for line := range strings.Lines(strings.Join(f.did, "\n")) {
			if name, ok := strings.CutPrefix(line, ":"); ok {
				declared = append(declared, strings.Fields(name)[0])
			}
		}
		if f.reads > 0 || len(f.did) > 1 || !slices.Equal(declared, c.did) || len(f.did) > 0 && !strings.HasPrefix(f.did[0], "*nat\n") {
			t.Errorf("%s: did %q with %d reads; want %q", c.name, f.did, f.reads, c.did)
		}
		repairAll(t, p, w, false)
		want := maps.Clone(w.Targets)
		delete(want, "stranger")
		if read, err := p.targets(t.Context()); err != nil || !maps.Equal(read, want) {
			t.Errorf("%s: targets gives %v, %v; want %v", c.name, read, err, want)
		}
		if read, err := p.vips(t.Context()); err != nil || !maps.Equal(read, w.VIPs) {
			t.Errorf("%s: vips gives %v, %v; want %v", c.name, read, err, w.VIPs)
		}
	}
}

func TestVirtualIPsComeAndGo(t *testing.T) {
	f := newFake(t, crowded)
	f.sysctls["ipv4/ip_forward"] = "1"
	before := f.String()
	p := fakeAgent(f)
	w := published()
	setAll(t, p, w, true)
	w.VIPs = addresses("web", "10.0.3.100", "person", "10.0.3.109")
	setAll(t, p, w, true)
	if text := f.String(); strings.Contains(text, "10.0.3.101") || strings.Contains(text, "10.0.3.102") || !strings.Contains(text, "10.0.3.109/32 on lxcbr0:jarloop") {
		t.Errorf("after a change of addresses:\n%s", text)
	}
	other := agentOn(f, "br1")
	setAll(t, other, w, true)
	if text := f.String(); strings.Contains(text, "/32 on lxcbr0") || !strings.Contains(text, "10.0.3.109/32 on br1:jarloop") {
		t.Errorf("after a change of bridges:\n%s", text)
	}
	setAll(t, other, deployer.Routes{Targets: w.Targets}, true)
	same(t, "without virtual IPs", before, f.String())
}

// TestNoAddressIsWithoutItsRefusal looks at each moment of coming and going:
// an address of the VM without rules would reach its own services.
func TestNoAddressIsWithoutItsRefusal(t *testing.T) {
	for name, act := range map[string]func(*agent) error{
		"coming": func(p *agent) error { _, err := p.Set(t.Context(), published()); return err },
		"going": func(p *agent) error {
			f := p.fake()
			left := f.left
			f.left = -1
			setAll(t, p, published(), true)
			f.left = left
			return p.Remove(t.Context())
		},
	} {
		for cut := 0; ; cut++ {
			f := newFake(t, crowded)
			f.left = cut
			err := act(fakeAgent(f, web80))
			for _, h := range f.held {
				refused := slices.ContainsFunc(f.all["filter"].in(selfChain), func(r rule) bool { return r.after("-d") == h.prefix.Addr().String() })
				jumped := slices.ContainsFunc(f.all["filter"].in("INPUT"), func(r rule) bool { return r.target() == selfChain })
				if h.prefix.IsSingleIP() && (!refused || !jumped) {
					t.Errorf("%s, after %d changes: nothing refuses for %s\n%s", name, cut, h.prefix, f)
				}
			}
			if err == nil {
				break
			}
			if !errors.Is(err, errFake) {
				t.Fatal(err)
			}
		}
	}
}

func TestVirtualIPsThatCannotBeAreRefused(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, c := range map[string]struct {
		addresses map[string]netip.Addr
		want      string
	}{
		"outside the subnet":        {addresses("web", "10.0.4.1"), "subnet 10.0.3.0/24"},
		"the subnet's own":          {addresses("web", "10.0.3.0"), "subnet"},
		"that of all":               {addresses("web", "10.0.3.255"), "subnet"},
		"IPv6":                      {addresses("web", "fe80::1"), "subnet"},
		"none":                      {map[string]netip.Addr{"web": {}}, "subnet"},
		"two services with one":     {addresses("web", "10.0.3.100", "person", "10.0.3.100"), "has it"},
		"that of a container":       {addresses("web", "10.0.3.131"), "has it"},
		"the bridge's own":          {addresses("web", "10.0.3.1"), "the VM has it, as 10.0.3.1/24 on lxcbr0 (sudo ip address del 10.0.3.1/24 dev lxcbr0)"},
		"a name that is no label":   {addresses("we b", "10.0.3.100"), "no name"},
		"one more than long enough": {addresses(long+"a", "10.0.3.100"), "no name"},
	} {
		f := newFake(t, crowded)
		_, err := fakeAgent(f, web80).Set(t.Context(), deployer.Routes{Targets: targets("web", "10.0.3.131:8080"), VIPs: c.addresses})
		if err == nil || !strings.Contains(err.Error(), c.want) || len(f.did) > 0 {
			t.Errorf("%s: %v, did %q", name, err, f.did)
		}
	}
	f := newFake(t, crowded)
	p := newAgent(f, Options{Bridge: "lxcbr0"})
	if _, err := p.Set(t.Context(), published()); err == nil || len(f.did) > 0 {
		t.Errorf("without a subnet: %v, did %q", err, f.did)
	}
	setAll(t, fakeAgent(f), deployer.Routes{Targets: targets(long, "10.0.3.131:1"), VIPs: addresses(long, "10.0.3.100")}, true)
}

func TestAnAddressThatAPersonHasPutIsUsedAndLeft(t *testing.T) {
	f := newFake(t, crowded)
	f.held = append(f.held, held{label: "lxcbr0", prefix: netip.MustParsePrefix("10.0.3.100/32")})
	p := fakeAgent(f)
	w := deployer.Routes{VIPs: addresses("web", "10.0.3.100")}
	setAll(t, p, w, true)
	repairAll(t, p, w, false)
	if err := p.Remove(t.Context()); err != nil || !strings.Contains(f.String(), "10.0.3.100/32 on lxcbr0\n") {
		t.Errorf("%v\n%s", err, f)
	}
}

func TestANETMAPSubnetIsAsPrivateAsTheBridges(t *testing.T) {
	for subnet, want := range map[string]string{
		"10.0.3.1/24":      "10.128.3.0/24",
		"10.128.3.1/24":    "10.0.3.0/24",
		"172.17.0.1/16":    "172.25.0.0/16",
		"192.168.122.1/24": "192.168.250.0/24",
		"10.0.0.1/9":       "10.128.0.0/9",
		"10.0.0.1/8":       "",
		"192.168.0.1/16":   "",
		"100.64.0.1/24":    "",
		"203.0.113.1/24":   "",
	} {
		got, ok := netmapOf(netip.MustParsePrefix(subnet))
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s has %s, %v; want %s", subnet, got, ok, want)
		}
	}
	p := post(netip.MustParsePrefix("203.0.113.1/24"), deployer.Routes{VIPs: both}, nil, "note")
	if p.rules[0].target() != "MASQUERADE" {
		t.Errorf("without a NETMAP subnet: %s", p.rules[0])
	}
}

func TestLabelsOfLongBridgesFit(t *testing.T) {
	for bridge, want := range map[string]string{"lxcbr0": "lxcbr0:jarloop", "virbr10": "virbr10:jarloop", "fifteen-letters": "fifteen:jarloop"} {
		if got := ownLabelOf(bridge); got != want || len(got) > 15 {
			t.Errorf("%s gives %s, want %s", bridge, got, want)
		}
	}
}

func TestRulesOfOthersAreNoVirtualIPs(t *testing.T) {
	f := newFake(t, `*filter
:JARLOOP-SELF - [0:0]
-A JARLOOP-SELF -d 10.0.3.103/32 -m comment --comment "jarloop: new" -j JARLOOP-REFUSE
COMMIT
*nat
:JARLOOP-SERVICES - [0:0]
-A JARLOOP-SERVICES -d 10.0.3.100/32 -m comment --comment "jarloop: web port 8080" -j DNAT --to-destination 10.0.3.131
-A JARLOOP-SERVICES -d 10.0.3.104/32 -m comment --comment "jarloop: bad port x" -j DNAT --to-destination 10.0.3.131
-A JARLOOP-SERVICES -d 10.0.3.0/24 -m comment --comment "jarloop: net" -j ACCEPT
-A JARLOOP-SERVICES -d 10.0.3.101/32 -j ACCEPT
-A JARLOOP-SERVICES -m comment --comment "jarloop: nowhere" -j ACCEPT
-A JARLOOP-SERVICES -d 10.0.3.102/32 -m comment --comment "jarloop: -j ACCEPT" -j ACCEPT
COMMIT
`)
	read := readServices(f.all)
	if !maps.Equal(read.VIPs, addresses("new", "10.0.3.103", "web", "10.0.3.100", "bad", "10.0.3.104")) ||
		!maps.Equal(read.Targets, targets("web", "10.0.3.131:8080")) {
		t.Errorf("%v", read)
	}
	if none := readServices(tables{}); len(none.VIPs)+len(none.Targets) > 0 {
		t.Errorf("without rules: %v", none)
	}
}
