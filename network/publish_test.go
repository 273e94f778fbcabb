package network

import (
	"net/netip"
	"strings"
	"testing"
)

func TestPublishesThatCannotBeAreRefused(t *testing.T) {
	for _, wrong := range [][]Publish{
		{{"", 80, "web", 0}}, {{"eth0/1", 80, "web", 0}}, {{"-j", 80, "web", 0}}, {{"!", 80, "web", 0}}, {{"averyveryverylong", 80, "web", 0}}, {{"all", 80, "web", 0}},
		{{"eth0", 0, "web", 0}}, {{"eth0", 80, "", 0}}, {{"eth0", 80, "web\n-j ACCEPT", 0}}, {{"eth0", 80, "web", 0}, {"eth1", 80, "api", 0}},
	} {
		if _, err := NewPorts("lxcbr0", netip.MustParsePrefix("10.0.3.1/24"), wrong); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
	for _, bridge := range []string{"", "../all", "default"} {
		if _, err := NewPorts(bridge, netip.MustParsePrefix("10.0.3.1/24"), []Publish{web80}); err == nil {
			t.Errorf("bridge %q is taken", bridge)
		}
	}
	if _, err := NewPorts("lxcbr0", netip.Prefix{}, []Publish{web80}); err == nil {
		t.Error("no subnet is taken")
	}
}

func TestOtherPortsArePublished(t *testing.T) {
	w := Wiring{Targets: targets("web", "10.0.3.131:8080", "api", "10.0.3.132:1")}
	f := newFake(t, crowded)
	p := fakePorts(f, web80)
	setAll(t, p, w, true)
	if err := p.Publish(t.Context(), []Publish{web81, api443}); err != nil {
		t.Fatal(err)
	}
	setAll(t, p, w, true)
	want := newFake(t, crowded)
	setAll(t, fakePorts(want, web81, api443), w, true)
	same(t, "rules", sortChains(want.String()), sortChains(f.String()))
	if err := p.Publish(t.Context(), []Publish{{Interface: "eth0", Port: 0, Service: "web"}}); err == nil {
		t.Error("there is no port 0")
	}
	setAll(t, p, w, false) // as before
}

func TestAPortOfAServiceBesideItsOwn(t *testing.T) {
	debug := Publish{Interface: "lxcbr0", Port: 5005, Service: "web", To: 5005}
	f := newFake(t, crowded)
	p := fakePorts(f, web80, debug)
	setAll(t, p, Wiring{Targets: targets("web", "10.0.3.131:8080")}, true)
	setAll(t, p, Wiring{Targets: targets("web", "10.0.3.133:8080")}, true)
	text := f.String()
	for _, want := range []string{`--to-destination "10.0.3.133:8080"`, `--to-destination "10.0.3.133:5005"`} {
		if strings.Count(text, want) != 1 {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "10.0.3.131") {
		t.Errorf("something leads to the generation before:\n%s", text)
	}
	if strings.Contains(text, "-i eth0 -p tcp -m tcp --dport 5005") {
		t.Errorf("it is open to an interface that nobody named:\n%s", text)
	}
	if read, err := p.targets(t.Context()); err != nil || read["web"].Port() != 8080 || len(read) != 1 {
		t.Errorf("targets are %v, %v", read, err)
	}
	other := debug
	other.To = 5006
	if err := p.Publish(t.Context(), []Publish{debug, other}); err == nil {
		t.Error("one port leads to two")
	}
}
