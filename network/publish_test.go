package network

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

func TestPublishedPortsThatCannotBeAreRefused(t *testing.T) {
	refused := func(bridge string, subnet netip.Prefix, publish ...deployer.Publish) {
		t.Helper()
		f := newFake(t, crowded)
		p := newAgent(f, Options{Bridge: bridge, Subnet: subnet}, publish...)
		if _, err := p.Set(t.Context(), deployer.Routes{}); err == nil || len(f.did) > 0 {
			t.Errorf("%v on %q: %v, did %q", publish, bridge, err, f.did)
		}
		if _, _, err := p.Repair(t.Context(), deployer.Routes{}); err == nil || len(f.did) > 0 {
			t.Errorf("%v on %q: %v, did %q", publish, bridge, err, f.did)
		}
	}
	for _, name := range []string{"", "eth0/1", "-j", "!", "averyveryverylong", "all"} {
		refused("lxcbr0", subnet, deployer.Publish{Interface: name, Port: 80, Protocol: "tcp", Service: "web"})
	}
	refused("lxcbr0", subnet, deployer.Publish{Interface: "eth0", Port: 0, Protocol: "tcp", Service: "web"})
	for _, service := range []string{"", "web\n-j ACCEPT"} {
		refused("lxcbr0", subnet, deployer.Publish{Interface: "eth0", Port: 80, Protocol: "tcp", Service: service})
	}
	refused("lxcbr0", subnet, web80, deployer.Publish{Interface: "eth1", Port: 80, Protocol: "tcp", Service: "api"})
	for _, bridge := range []string{"", "../all", "default"} {
		refused(bridge, subnet, web80)
	}
	refused("lxcbr0", netip.Prefix{}, web80)
	for _, bridge := range []string{"", "../all"} {
		if _, err := NewRouter(Options{Bridge: bridge, Subnet: subnet}); err == nil {
			t.Errorf("a router on bridge %q", bridge)
		}
	}
}

func TestOtherPortsArePublished(t *testing.T) {
	w := deployer.Routes{Targets: targets("web", "10.0.3.131:8080", "api", "10.0.3.132:1")}
	f := newFake(t, crowded)
	p := fakeAgent(f, web80)
	setAll(t, p, w, true)
	p.publish = []deployer.Publish{web81, api443}
	f.reads = 0
	setAll(t, p, w, true)
	if f.reads > 0 {
		t.Errorf("%d reads", f.reads)
	}
	want := newFake(t, crowded)
	setAll(t, fakeAgent(want, web81, api443), w, true)
	same(t, "rules", sortChains(want.String()), sortChains(f.String()))
	p.publish = []deployer.Publish{{Interface: "eth0", Port: 0, Protocol: "tcp", Service: "web"}}
	if _, err := p.Set(t.Context(), w); err == nil {
		t.Error("there is no port 0")
	}
	p.publish = []deployer.Publish{web81, api443}
	setAll(t, p, w, false) // as before
}

func TestAPortOfAServiceBesideItsOwn(t *testing.T) {
	debug := deployer.Publish{Interface: "lxcbr0", Port: 5005, Protocol: "tcp", Service: "web", To: 5005}
	f := newFake(t, crowded)
	p := fakeAgent(f, web80, debug)
	setAll(t, p, deployer.Routes{Targets: targets("web", "10.0.3.131:8080")}, true)
	setAll(t, p, deployer.Routes{Targets: targets("web", "10.0.3.133:8080")}, true)
	text := f.String()
	for _, want := range []string{`--to-destination "10.0.3.133:8080"`, `--to-destination "10.0.3.133:5005"`} {
		if strings.Count(text, want) != 1 {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "10.0.3.131") {
		t.Errorf("something still points at the old generation:\n%s", text)
	}
	if strings.Contains(text, "-i eth0 -p tcp -m tcp --dport 5005") {
		t.Errorf("it is open to an interface that nobody named:\n%s", text)
	}
	if read, err := p.targets(t.Context()); err != nil || read["web"].Port() != 8080 || len(read) != 1 {
		t.Errorf("targets are %v, %v", read, err)
	}
	other := debug
	other.To = 5006
	p.publish = []deployer.Publish{debug, other}
	if _, err := p.Set(t.Context(), deployer.Routes{}); err == nil {
		t.Error("one port is published as two")
	}
}
