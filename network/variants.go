package network

import (
	"context"
	"maps"
	"slices"
)

// leftover is what a variant of iptables has of ours that iptables itself does
// not show.
type leftover struct {
	kernel kernel
	have   tables
}

// leftovers looks for rules that were made when iptables was its other variant
// (legacy or nft: update-alternatives, a new release of the system). The kernel
// goes on to obey them, and they go where the last switch pointed before.
func leftovers(ctx context.Context, k kernel) []leftover {
	var left []leftover
	for _, other := range k.variants() {
		if have, err := other.rules(ctx); err == nil && have.own() {
			left = append(left, leftover{other, have})
		}
	}
	return left
}

// own says whether there is a chain of ours.
func (all tables) own() bool {
	return slices.ContainsFunc(ownTables, func(name string) bool {
		return all[name] != nil && slices.ContainsFunc(all[name].chains, ours)
	})
}

// noted gives what the rules, and those that are left, remember of sysctls.
func noted(have tables, left []leftover) map[string]string {
	before := notedSysctls(have)
	for _, l := range left {
		maps.Copy(before, notedSysctls(l.have))
	}
	return before
}
