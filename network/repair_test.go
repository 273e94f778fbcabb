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

// TestCutOffAnywhere ends the work of an agent after each of its changes: the
// next agent must come to the same rules, and removing must leave the rules of
// others as if there had been neither.
func TestCutOffAnywhere(t *testing.T) {
	old := deployer.Routes{Targets: targets("web", "10.0.3.131:8080"), VIPs: addresses("web", "10.0.3.101", "old", "10.0.3.102")}
	now := deployer.Routes{
		Targets: targets("web", "10.0.3.133:8080", "api", "10.0.3.132:1"),
		VIPs:    addresses("web", "10.0.3.101", "api", "10.0.3.103", "new", "10.0.3.104"),
	}
	built := newFake(t, crowded)
	setAll(t, fakeAgent(built, web80, api443), now, true)
	empty := newFake(t, crowded)
	empty.sysctls["ipv4/ip_forward"] = "1"

	for name, first := range map[string]func(*agent) error{
		"in the first Set": func(p *agent) error { _, err := p.Set(t.Context(), now); return err },
		"in another layout": func(p *agent) error {
			p.publish = []deployer.Publish{web81, api443}
			_, err := p.Set(t.Context(), old)
			return err
		},
		"in Remove": func(p *agent) error {
			f := p.fake()
			cut := f.left
			f.left = -1
			setAll(t, p, now, true)
			f.left = cut
			return p.Remove(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			for cut := 0; ; cut++ {
				f := newFake(t, crowded)
				f.left = cut
				err := first(fakeAgent(f, web80, api443))
				if err != nil && !errors.Is(err, errFake) {
					t.Fatal(err)
				}
				cutOff := err != nil
				f.left = -1
				p := fakeAgent(f, web80, api443)
				if _, err := p.Set(t.Context(), now); err != nil {
					t.Fatalf("after %d changes: %v\n%s", cut, err, f)
				}
				repairAll(t, p, now, false)
				same(t, "rules of ours and others", sortChains(built.String()), sortChains(f.String()))
				if err := fakeAgent(f).Remove(t.Context()); err != nil {
					t.Fatalf("after %d changes: %v\n%s", cut, err, f)
				}
				same(t, "rules of others", empty.String(), f.String())
				if !cutOff {
					return
				}
			}
		})
	}
}

// sortChains takes the order of chains out of a text, which is that in which
// they were made and means nothing.
func sortChains(text string) string {
	lines := strings.Split(text, "\n")
	slices.SortStableFunc(lines, func(a, b string) int {
		chain := func(s string) string { return strings.Join(append(strings.Fields(s), "", "")[:2], " ") }
		return strings.Compare(chain(a), chain(b))
	})
	return strings.Join(lines, "\n")
}

func TestRepairPutsBackWhatOthersHaveDone(t *testing.T) {
	now := deployer.Routes{
		Targets: targets("web", "10.0.3.131:8080", "api", "10.0.3.132:1"),
		VIPs:    addresses("web", "10.0.3.100", "api", "10.0.3.101", "new", "10.0.3.102"),
	}
	jumpIn := rule{"-m", "addrtype", "--dst-type", "LOCAL", "-m", "comment", "--comment", "jarloop", "-j", "JARLOOP"}
	foreign := rule{"-s", "1.2.3.4", "-j", "ACCEPT"}
	for name, harm := range map[string]func(f *fakeVM){
		"our chain flushed":                 func(f *fakeVM) { f.all["nat"].rules["JARLOOP-80"] = nil },
		"PREROUTING flushed":                func(f *fakeVM) { f.all["nat"].rules["PREROUTING"] = f.all["nat"].rules["PREROUTING"][1:] },
		"a foreign rule in front in ours":   func(f *fakeVM) { harmInsert(f, "nat", "JARLOOP-80", 0, foreign) },
		"a foreign rule in between in ours": func(f *fakeVM) { harmInsert(f, "nat", "JARLOOP", 2, foreign) },
		"one of our rules twice":            func(f *fakeVM) { harmInsert(f, "nat", "JARLOOP", 1, f.all["nat"].rules["JARLOOP"][0]) },
		"our rules in another order":        func(f *fakeVM) { slices.Reverse(f.all["nat"].rules["JARLOOP"]) },
		"our jump twice":                    func(f *fakeVM) { harmInsert(f, "nat", "PREROUTING", 2, jumpIn) },
		"our jump four times": func(f *fakeVM) {
			for range 3 {
				harmInsert(f, "nat", "PREROUTING", 0, jumpIn)
			}
		},
		"our jump twice, once with its matches in another order": func(f *fakeVM) {
			harmInsert(f, "nat", "PREROUTING", 0, slices.Concat(jumpIn[4:8], jumpIn[:4], jumpIn[8:]))
		},
		"a jump of ours from elsewhere": func(f *fakeVM) { harmInsert(f, "nat", "INPUT", 0, jumpIn) },
		"a stand-in that an earlier version has left": func(f *fakeVM) {
			harmInsert(f, "nat", "PREROUTING", 0, slices.Concat(jumpIn[:7], rule{"jarloop: one for several"}, jumpIn[8:]))
		},
		"a jump without our comment": func(f *fakeVM) { harmInsert(f, "nat", "PREROUTING", 0, rule{"-g", "JARLOOP"}) },
		"another target":             func(f *fakeVM) { f.all["nat"].rules["JARLOOP-80"][0][7] = "10.9.9.9:1" },
		"a chain of ours from nowhere": func(f *fakeVM) {
			f.all["filter"].chains = append(f.all["filter"].chains, "JARLOOP-OLD")
			harmInsert(f, "filter", "JARLOOP-OLD", 0, foreign)
		},
		"a virtual IP elsewhere":   func(f *fakeVM) { f.all["nat"].rules["JARLOOP-SERVICES"][0][7] = "10.9.9.9" },
		"nothing refuses any more": func(f *fakeVM) { f.all["filter"].rules["INPUT"] = f.all["filter"].rules["INPUT"][1:] },
		"a virtual IP taken away":  func(f *fakeVM) { f.held = slices.Delete(f.held, 1, 2) },
		"all virtual IPs are gone": func(f *fakeVM) { f.held = f.held[:1] },
		"a virtual IP of no service": func(f *fakeVM) {
			f.held = append(f.held, held{label: "lxcbr0:jarloop", prefix: netip.MustParsePrefix("10.0.3.199/32")})
		},
		"a virtual IP on another bridge": func(f *fakeVM) { f.held[1].label = "br1:jarloop" },
		"ended connections are kept":     func(f *fakeVM) { f.sysctls[closeTimeout] = "10" },
		"localnet off":                   func(f *fakeVM) { f.sysctls[localnetOf("lxcbr0")] = "0" },
		"no forwarding":                  func(f *fakeVM) { f.sysctls["ipv4/ip_forward"] = "0" },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, crowded)
			p := fakeAgent(f, web80, web81, api443)
			setAll(t, p, now, true)
			want := f.String()
			harm(f)
			if f.String() == want {
				t.Fatal("no harm done")
			}
			// Cut off anywhere in between, it still ends well.
			for cut := 0; ; cut++ {
				g := &fakeVM{sysctls: maps.Clone(f.sysctls), left: cut, held: slices.Clone(f.held)}
				var err error
				if g.all, err = f.rules(t.Context()); err != nil {
					t.Fatal(err)
				}
				q := fakeAgent(g, web80, web81, api443)
				_, _, err = q.Repair(t.Context(), now)
				if err != nil && !errors.Is(err, errFake) {
					t.Fatal(err)
				}
				g.left = -1
				if _, _, again := q.Repair(t.Context(), now); again != nil {
					t.Fatal(again)
				}
				same(t, "after a cut", want, g.String())
				if err == nil {
					break
				}
			}
			repairAll(t, p, now, true)
			repairAll(t, p, now, false)
			same(t, "rules", want, f.String())
		})
	}
}

func harmInsert(f *fakeVM, table, chain string, i int, r rule) {
	rules := f.all[table].rules
	rules[chain] = slices.Insert(slices.Clone(rules[chain]), i, r)
}

// TestAJumpIsNeverMissing looks, while doubled jumps are repaired, whether at
// each step there is one.
func TestAJumpIsNeverMissing(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80)
	set(t, p, targets("web", "10.0.3.131:8080"), true)
	harmInsert(f, "nat", "PREROUTING", 2, f.all["nat"].rules["PREROUTING"][0])
	f.left = 0
	for range 20 {
		_, _, err := p.Repair(t.Context(), deployer.Routes{Targets: targets("web", "10.0.3.131:8080")})
		if !slices.ContainsFunc(f.all["nat"].rules["PREROUTING"], func(r rule) bool { return r.target() == ownChain }) {
			t.Fatalf("no jump\n%s", f)
		}
		if err == nil {
			return
		}
		f.left = 1
	}
	t.Error("one change at a time gets nowhere")
}
