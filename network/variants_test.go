package network

import (
	"maps"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

// TestRulesInAnotherVariantAreTakenOver is about iptables becoming its other
// variant, which shows none of the rules that the kernel goes on to obey.
func TestRulesInAnotherVariantAreTakenOver(t *testing.T) {
	before := deployer.Routes{Targets: targets("web", "10.0.3.131:8080"), VIPs: addresses("web", "10.0.3.100")}
	now := deployer.Routes{Targets: targets("web", "10.0.3.133:8080"), VIPs: before.VIPs}
	built := newFake(t, crowded)
	setAll(t, fakeAgent(built, web80), now, true)

	for name, takeOver := range map[string]func(p *agent) *agent{
		"by the agent that made them": func(p *agent) *agent { return p },
		"by the next one":             func(p *agent) *agent { return fakeAgent(p.fake(), web80) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, crowded)
			p := fakeAgent(f, web80)
			setAll(t, p, before, true)
			other := becomeOther(t, f)
			p = takeOver(p)
			repairAll(t, p, now, true)
			same(t, "rules", built.String(), f.String())
			same(t, "rules in the other variant", string(newFake(t, crowded).save()), string(other.save()))
			f.searches = 0
			repairAll(t, p, now, false)
			if f.searches > 0 {
				t.Error("the other variant is asked each time")
			}
			if err := fakeAgent(f).Remove(t.Context()); err != nil || f.sysctls[closeTimeout] != "10" {
				t.Errorf("sysctls are %v, %v", f.sysctls, err)
			}
		})
	}
}

func TestRulesInBothVariantsAreRemoved(t *testing.T) {
	now := deployer.Routes{Targets: targets("web", "10.0.3.131:8080"), VIPs: addresses("web", "10.0.3.100")}
	for name, again := range map[string]bool{"in one": false, "in both": true} {
		f := newFake(t, crowded)
		want := maps.Clone(f.sysctls)
		want["ipv4/ip_forward"] = "1"
		setAll(t, fakeAgent(f, web80), now, true)
		other := becomeOther(t, f)
		if again {
			f.others = nil // an earlier version has not looked there
			setAll(t, fakeAgent(f, web80), now, true)
			f.others = []*fakeVM{other}
		}
		if err := fakeAgent(f).Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		same(t, name+": rules", string(newFake(t, crowded).save()), string(f.save()))
		same(t, name+": rules in the other variant", string(newFake(t, crowded).save()), string(other.save()))
		if !maps.Equal(f.sysctls, want) {
			t.Errorf("%s: %v", name, f.sysctls)
		}
	}
}

// TestAVariantThatIsBrokenIsSaid wants the rules made all the same.
func TestAVariantThatIsBrokenIsSaid(t *testing.T) {
	now := deployer.Routes{Targets: targets("web", "10.0.3.131:8080"), VIPs: addresses("web", "10.0.3.100")}
	f := newFake(t, crowded)
	setAll(t, fakeAgent(f, web80), now, true)
	want := f.String()
	becomeOther(t, f).left = 0
	said := ""
	p := newAgent(f, Options{Bridge: "lxcbr0", Subnet: subnet, Notes: func(s string) { said += s }}, web80)
	setAll(t, p, now, true)
	same(t, "rules", want, f.String())
	if !strings.Contains(said, errFake.Error()) {
		t.Errorf("said %q", said)
	}
}

// becomeOther makes iptables its other variant, in which others have the same
// rules. It gives the one that it was.
func becomeOther(t *testing.T, f *fakeVM) *fakeVM {
	t.Helper()
	other := &fakeVM{all: f.all, left: -1}
	f.all = newFake(t, crowded).all
	f.others = []*fakeVM{other}
	return other
}
