package network

import (
	"context"
	"fmt"
	"os/exec"
)

// leftover is what a variant of iptables has of ours that iptables itself does
// not show.
type leftover struct {
	host host
	have tables
}

// leftovers looks for rules that were made when iptables was its other variant
// (legacy or nft: update-alternatives, a new release of the system). The kernel
// goes on to obey them, and they lead where the last switch has led before. They
// are looked for where iptables shows no rules of ours; once, where none are
// wanted.
func (p *Ports) leftovers(ctx context.Context, have tables, wired bool) []leftover {
	if have.own() || p.sought && !wired {
		return nil
	}
	p.sought = !wired
	var left []leftover
	for _, other := range p.host.variants() {
		if have, err := other.rules(ctx); err == nil && have.own() {
			left = append(left, leftover{other, have})
		}
	}
	return left
}

// clear removes what is left, and says whether there was any. What cannot be
// removed is no reason to hold up the rules that are wanted.
func (p *Ports) clear(ctx context.Context, left []leftover) bool {
	for _, l := range left {
		for _, s := range plan(l.have, nil) {
			if err := l.host.apply(ctx, s); err != nil {
				p.notes(fmt.Sprintf("rules are left in the other variant of iptables, see jarloop doctor: %s", err))
				break
			}
		}
	}
	return len(left) > 0
}

// own says whether there is a chain of ours.
func (all tables) own() bool {
	for _, name := range []string{"nat", "filter"} {
		if t := all[name]; t != nil {
			for _, c := range t.chains {
				if ours(c) {
					return true
				}
			}
		}
	}
	return false
}

// variants gives the VM by each variant of iptables that is there and works.
// That of iptables itself is among them.
func (v *vm) variants() []host {
	var all []host
	for _, program := range []string{"iptables-legacy", "iptables-nft"} {
		if _, err := exec.LookPath(program); err != nil {
			continue
		}
		if other, err := newVM(program); err == nil {
			all = append(all, other)
		}
	}
	return all
}
