package network

import (
	"errors"
	"maps"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

// TestSysctlsGoBackThoughTheirNoteIsLost has somebody take away all rules, with
// the note in them, and the agent killed before it has repaired that.
func TestSysctlsGoBackThoughTheirNoteIsLost(t *testing.T) {
	now := deployer.Routes{Targets: targets("web", "10.0.3.131:8080"), VIPs: addresses("web", "10.0.3.100")}
	for name, lose := range map[string]func(f *fakeVM, before tables){
		"the rules":  func(f *fakeVM, _ tables) { clear(f.all["nat"].rules); clear(f.all["filter"].rules) },
		"the chains": func(f *fakeVM, before tables) { f.all = before },
	} {
		for _, gone := range []string{"nothing more", "and one of the sysctls is set back", "and the agent killed in its repair", "and nobody has started one again"} {
			f := newFake(t, crowded)
			before, err := f.rules(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(f.sysctls)
			setAll(t, fakeAgent(f, web80), now, true)
			lose(f, before)
			switch gone {
			case "and one of the sysctls is set back":
				f.sysctls[localnetOf("lxcbr0")] = "0"
			case "and the agent killed in its repair":
				f.left = 1
				if _, _, err := fakeAgent(f, web80).Repair(t.Context(), now); !errors.Is(err, errFake) {
					t.Fatal(err)
				}
				f.left = -1
			}
			if gone != "and nobody has started one again" {
				repairAll(t, fakeAgent(f, web80), now, true)
			}
			if err := fakeAgent(f).Remove(t.Context()); err != nil {
				t.Fatal(err)
			}
			want["ipv4/ip_forward"] = "1" // stays
			if !maps.Equal(f.sysctls, want) {
				t.Errorf("%s, %s: %v", name, gone, f.sysctls)
			}
		}
	}
}
