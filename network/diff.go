package network

import (
	"slices"
	"strings"
)

// ruleset is all that we want of the tables.
type ruleset struct {
	chains []chain
	jumps  []jump
}

// chain is one chain of ours, whole.
type chain struct {
	table, name string
	rules       []rule
}

// jump is the one rule in a chain of others that jumps to a chain of ours. It is
// put at the head, before rules of others for the same port.
type jump struct {
	table, from, to string
	match           rule // what comes before -j
	optional        bool // only where the chain that it is in exists
}

func (j jump) rule() rule {
	return slices.Concat(j.match, mark(""), rule{"-j", j.to})
}

// mark is the comment that each rule of ours has.
func mark(text string) rule {
	if text == "" {
		return rule{"-m", "comment", "--comment", "jarloop"}
	}
	return rule{"-m", "comment", "--comment", "jarloop: " + text}
}

const ownChain = "JARLOOP"

// ours says whether a chain is one of ours, wanted or of an earlier
// configuration.
func ours(name string) bool {
	return name == ownChain || strings.HasPrefix(name, ownChain+"-")
}

// tables gives the ruleset as iptables-save would print it on a machine without
// other rules.
func (w ruleset) tables() tables {
	all := tables{}
	for _, name := range ownTables {
		all[name] = newTable()
	}
	for _, c := range w.chains {
		t := all[c.table]
		t.chains = append(t.chains, c.name)
		t.rules[c.name] = c.rules
	}
	for _, j := range w.jumps {
		if t := all[j.table]; !j.optional {
			t.chains = append(t.chains, j.from)
			t.rules[j.from] = append(t.rules[j.from], j.rule())
		}
	}
	return all
}

// ownTables are those that we have rules in. What lets through and refuses
// comes before what sends there.
var ownTables = []string{"filter", "nat"}

// difference gives what iptables-restore --noflush is to be given so that the
// tables hold what is wanted, and rules of others stay as and where they are.
// No difference gives the empty string. Each table is one act: the kernel gets
// it whole or not at all, and no packet meets a half of it.
//
// Chains of ours that differ are declared, which empties them, and filled again.
func difference(have tables, want ruleset) string {
	var text strings.Builder
	for _, name := range ownTables {
		lines := slices.Concat(want.fill(name, have[name]), want.join(name, have[name]), want.drop(name, have[name]))
		if len(lines) > 0 {
			text.WriteString("*" + name + "\n" + strings.Join(lines, "\n") + "\nCOMMIT\n")
		}
	}
	return text.String()
}

// fill writes the chains of ours that are missing or differ.
func (w ruleset) fill(name string, have *table) []string {
	var declared, filled []string
	for _, c := range w.chains {
		if c.table != name || have.has(c.name) && slices.EqualFunc(have.in(c.name), c.rules, rule.equal) {
			continue
		}
		declared = append(declared, ":"+c.name+" - [0:0]")
		for _, r := range c.rules {
			filled = append(filled, command("-A", c.name, r))
		}
	}
	return slices.Concat(declared, filled)
}

// join makes exactly the wanted rules in chains of others jump to chains of ours.
func (w ruleset) join(name string, have *table) []string {
	var lines []string
	wanted := map[[2]string]bool{}
	for _, j := range w.jumps {
		if j.table != name || j.optional && !have.has(j.from) {
			continue
		}
		wanted[[2]string{j.from, j.to}] = true
		var there []rule // as they are spelled: iptables compares matches in their order
		for _, r := range have.in(j.from) {
			if r.target() == j.to {
				there = append(there, r)
			}
		}
		if len(there) == 1 && there[0].equal(j.rule()) {
			continue
		}
		for _, r := range there {
			lines = append(lines, command("-D", j.from, r))
		}
		lines = append(lines, command("-I", j.from, slices.Concat(rule{"1"}, j.rule())))
	}
	if have == nil {
		return lines
	}
	for _, from := range have.chains {
		for _, r := range have.rules[from] {
			if !ours(from) && ours(r.target()) && !wanted[[2]string{from, r.target()}] {
				lines = append(lines, command("-D", from, r))
			}
		}
	}
	return lines
}

// drop removes the chains of ours that are not wanted. All are emptied first,
// since they may jump to each other.
func (w ruleset) drop(name string, have *table) []string {
	if have == nil {
		return nil
	}
	var flushed, dropped []string
	for _, there := range have.chains {
		if ours(there) && !slices.ContainsFunc(w.chains, func(c chain) bool { return c.table == name && c.name == there }) {
			flushed = append(flushed, command("-F", there, nil))
			dropped = append(dropped, command("-X", there, nil))
		}
	}
	return slices.Concat(flushed, dropped)
}

func command(verb, chain string, r rule) string {
	return verb + " " + slices.Concat(rule{chain}, r).String()
}
