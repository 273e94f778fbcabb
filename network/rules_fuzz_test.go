package network

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
)

// saves are what iptables-save prints on machines of others, and what it never
// prints.
var saves = []string{
	"", crowded, "*nat\n:A - [0:0]\n[12:3456] -A A -j ACCEPT\nCOMMIT\n", "# only a comment\n", "*nat\n*nat\n", ":A\n",
	`*raw
:PREROUTING ACCEPT [5:1]
-A PREROUTING -p tcp -m comment --comment "quote \" and \\ and \'" -j ACCEPT
-A PREROUTING -m comment --comment "$(reboot) ` + "`reboot`" + ` ; | & > *" -j ACCEPT
-A PREROUTING -m string --string "\"" --algo bm -j DROP
COMMIT
`,
	// What a crashed agent leaves, twice over.
	`*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:JARLOOP - [0:0]
:JARLOOP-80 - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP
-A PREROUTING -p tcp -m tcp --dport 70:90 -j REDIRECT --to-ports 1
-A JARLOOP-80 -p tcp -m comment --comment "jarloop: web" -j DNAT --to-destination 10.0.3.131:8080
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`,
	"*nat\n-A X \"\" -j Y\n", "*nat\n\"\" x\n", "*nat\n-A \"a b\" -j \"c d\"\n", "*nat\n-A A \"a\tb\x00\xff\r\"\n", "*nat\n-A A !\n", "*nat\n-A A -j\n",
}

// FuzzRules holds the reading of rules to three promises: what was read can be
// written and is read the same again; no text makes it fall over; and what we
// make and take away among the rules of others leaves those as they were.
func FuzzRules(f *testing.F) {
	for _, save := range saves {
		f.Add([]byte(save))
	}
	f.Fuzz(func(t *testing.T, save []byte) {
		all, err := parseTables(save)
		if err != nil {
			return
		}
		text := written(all)
		again, err := parseTables([]byte(text))
		if err != nil {
			t.Fatalf("%q is written as %q, which is not read: %v", save, text, err)
		}
		if diff := cmp.Diff(pairs(all), pairs(again)); diff != "" {
			t.Fatalf("%q is written as %q, which is read otherwise (-first +again):\n%s", save, text, diff)
		}
		findConflicts(all, []deployer.Publish{web80, api443})
		comesAndGoes(t, all)
	})
}

// written gives tables as iptables-save prints them, counters aside.
func written(all tables) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "*%s\n", name)
		for _, chain := range all[name].chains {
			fmt.Fprintf(&b, ":%s - [0:0]\n", chain)
		}
		for _, chain := range slices.Sorted(maps.Keys(all[name].rules)) {
			for _, r := range all[name].rules[chain] {
				fmt.Fprintf(&b, "-A %s %s\n", rule{chain}, r)
			}
		}
		b.WriteString("COMMIT\n")
	}
	return b.String()
}

// pairs gives tables as values that can be compared: a line for each chain and
// rule, quoted.
func pairs(all tables) map[string][]string {
	flat := map[string][]string{}
	for name, table := range all {
		flat[name] = []string{}
		for _, chain := range table.chains {
			flat[name] = append(flat[name], fmt.Sprintf("%q", chain))
		}
		for _, chain := range slices.Sorted(maps.Keys(table.rules)) {
			for _, r := range table.rules[chain] {
				flat[name] = append(flat[name], fmt.Sprintf("%q %q", chain, []string(r)))
			}
		}
	}
	return flat
}

// comesAndGoes builds our chains among the rules, twice, and removes them.
func comesAndGoes(t *testing.T, all tables) {
	if !possible(all) {
		return
	}
	before := others(all)
	fake := newFake(t, "")
	fake.all = all
	routes := deployer.Routes{Targets: targets("web", "10.0.3.131:8080"), VIPs: addresses("web", "10.0.3.100")}
	if _, err := fakeAgent(fake, web80).Set(t.Context(), routes); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, others(fake.all)); diff != "" {
		t.Fatalf("with ours, the rules of others are (-before +with):\n%s", diff)
	}
	changes := len(fake.did)
	if _, repaired, err := fakeAgent(fake, web80).Repair(t.Context(), routes); err != nil || len(repaired) > 0 || len(fake.did) != changes {
		t.Fatalf("once more, %q is done: %v", fake.did[changes:], err)
	}
	if err := fakeAgent(fake).Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, others(fake.all)); diff != "" {
		t.Fatalf("without ours, the rules of others are (-before +after):\n%s", diff)
	}
	for _, table := range []string{"nat", "filter"} {
		if i := slices.IndexFunc(fake.all[table].chains, ours); i >= 0 {
			t.Fatalf("left is %s", fake.all[table].chains[i])
		}
	}
}

// possible says whether a kernel can have such tables: the built-in chains are
// there, no chain twice, and rules are in chains, say something, and jump to
// chains of ours only where those are.
func possible(all tables) bool {
	for table, chains := range map[string][]string{"nat": {"PREROUTING", "OUTPUT", "POSTROUTING"}, "filter": {"FORWARD", "INPUT"}} {
		for _, chain := range chains {
			if !all[table].has(chain) {
				return false
			}
		}
	}
	for _, table := range all {
		once := slices.Compact(slices.Sorted(slices.Values(table.chains)))
		if len(once) != len(table.chains) {
			return false
		}
		for chain, rules := range table.rules {
			if !slices.Contains(table.chains, chain) {
				return false
			}
			for _, r := range rules {
				if len(r) == 0 || ours(r.target()) && !table.has(r.target()) {
					return false
				}
			}
		}
	}
	return true
}

// others gives what is not ours: the rules, in order, of chains that are not
// and that jump to none that are.
func others(all tables) map[string][]string {
	flat := map[string][]string{}
	for name, table := range all {
		for _, chain := range table.chains {
			if ours(chain) {
				continue
			}
			flat[name] = append(flat[name], fmt.Sprintf("%q", chain))
			for _, r := range table.rules[chain] {
				if !ours(r.target()) {
					flat[name] = append(flat[name], fmt.Sprintf("%q %q", chain, []string(r)))
				}
			}
		}
	}
	return flat
}
