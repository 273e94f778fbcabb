package network

import (
	"slices"
	"strconv"
	"strings"
)

// chain is one chain of ours: what it holds and who jumps to it. Building,
// checking and removing all read this.
type chain struct {
	table string
	name  string
	rules []rule
	jumps []jump
}

// jump is the one rule at the head of a chain of others that leads to ours.
type jump struct {
	from     string
	match    rule // what comes before -j
	optional bool // only where the chain that it is in exists
}

// rule gives the rule that the jump is in its chain.
func (c chain) rule(j jump) rule {
	return slices.Concat(j.match, mark(""), rule{"-j", c.name})
}

// mark is the comment that each rule of ours bears.
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

// step is one change that iptables makes, or does not make, as a whole.
type step struct {
	verb  verb
	table string
	chain string
	at    int // the rule's number, from 1
	rule  rule
}

// verb is an option of iptables.
type verb string

const (
	newChain verb = "-N"
	add      verb = "-A"
	insert   verb = "-I"
	replace  verb = "-R"
	remove   verb = "-D" // the first rule that is equal
	removeAt verb = "-D #"
	flush    verb = "-F"
	drop     verb = "-X"
)

// String writes the step as the command that it is.
func (s step) String() string {
	words := []string{"iptables", "-t", s.table, strings.TrimSuffix(string(s.verb), " #"), s.chain}
	if s.at > 0 {
		words = append(words, strconv.Itoa(s.at))
	}
	if len(s.rule) > 0 {
		words = append(words, s.rule.String())
	}
	return strings.Join(words, " ")
}

// plan gives the steps from the rules that there are to those that are wanted.
// It begins with chains that nothing leads to yet and goes on to the jumps, so
// that at every step a request is either served as before or as wanted. Rules
// of others stay as and where they are. Nothing to do gives no steps, and each
// beginning of the steps can be followed by a new plan.
func plan(have tables, want []chain) []step {
	var steps []step
	for _, c := range want {
		if !have[c.table].has(c.name) {
			steps = append(steps, step{verb: newChain, table: c.table, chain: c.name})
		}
	}
	for _, c := range want {
		steps = append(steps, fill(c, have[c.table].in(c.name))...)
	}
	for _, c := range want {
		for _, j := range c.jumps {
			if !j.optional || have[c.table].has(j.from) {
				steps = append(steps, lead(c, j, have[c.table].in(j.from))...)
			}
		}
	}
	return slices.Concat(steps, tidy(have, want))
}

// fill makes a chain hold exactly its rules, in order. At every step the chain
// still has each rule that was there and is wanted.
func fill(c chain, have []rule) []step {
	var steps []step
	have = slices.Clone(have) // as it is after steps
	do := func(v verb, i int, r rule) {
		steps = append(steps, step{verb: v, table: c.table, chain: c.name, at: i + 1, rule: r})
	}
	for i, r := range c.rules {
		for i < len(have) && !have[i].equal(r) && !holds(c.rules[i:], have[i]) && holds(have[i:], r) {
			do(removeAt, i, nil)
			have = slices.Delete(have, i, i+1)
		}
		switch {
		case i >= len(have):
			steps = append(steps, step{verb: add, table: c.table, chain: c.name, rule: r})
			have = append(have, r)
		case have[i].equal(r):
		case holds(c.rules[i:], have[i]):
			do(insert, i, r)
			have = slices.Insert(have, i, r)
		default:
			do(replace, i, r)
			have[i] = r
		}
	}
	for i := len(have) - 1; i >= len(c.rules); i-- {
		do(removeAt, i, nil)
	}
	return steps
}

func holds(rules []rule, r rule) bool { return slices.ContainsFunc(rules, r.equal) }

// lead makes exactly one jump of a chain of others lead to ours. There, rules
// are not taken out by number: somebody else may have changed the numbers since
// they were read.
//
// Of several equal jumps iptables takes out the first, which is the one to
// stay. So another one stands in at the head until a single one is back there.
func lead(c chain, j jump, have []rule) []step {
	wanted := c.rule(j)
	standIn := slices.Concat(j.match, mark("one for several"), rule{"-j", c.name})
	left := slices.IndexFunc(have, standIn.equal) // by one that was cut off; tidy takes it out
	first := slices.IndexFunc(have, wanted.equal)
	var those []rule // as they are spelled there: iptables compares matches in their order
	for _, r := range have {
		if r.equal(wanted) {
			those = append(those, r)
		}
	}
	if len(those) == 1 && (left < 0 || first < left) {
		return nil
	}
	do := func(v verb, at int, r rule) step {
		return step{verb: v, table: c.table, chain: j.from, at: at, rule: r}
	}
	var steps, after []step
	if len(those) > 1 && left < 0 {
		steps = append(steps, do(insert, 1, standIn))
		after = append(after, do(remove, 0, standIn))
	}
	for _, r := range those {
		steps = append(steps, do(remove, 0, r))
	}
	return slices.Concat(steps, []step{do(insert, 1, wanted)}, after)
}

// tidy takes out the jumps that are not wanted, then the chains.
func tidy(have tables, want []chain) []step {
	wanted := func(table, name string, r rule) bool {
		return slices.ContainsFunc(want, func(c chain) bool {
			return c.table == table && slices.ContainsFunc(c.jumps, func(j jump) bool {
				return j.from == name && r.equal(c.rule(j))
			})
		})
	}
	var steps, flushes, drops []step
	for _, name := range []string{"nat", "filter"} {
		t := have[name]
		if t == nil {
			continue
		}
		for _, from := range t.chains {
			if ours(from) {
				if !slices.ContainsFunc(want, func(c chain) bool { return c.table == name && c.name == from }) {
					flushes = append(flushes, step{verb: flush, table: name, chain: from})
					drops = append(drops, step{verb: drop, table: name, chain: from})
				}
				continue
			}
			for _, r := range t.rules[from] {
				// A rule that leads to a chain of ours means nothing without it.
				if ours(r.target()) && !wanted(name, from, r) {
					steps = append(steps, step{verb: remove, table: name, chain: from, rule: r})
				}
			}
		}
	}
	return slices.Concat(steps, flushes, drops)
}
