package network

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// Obstacle is what others' rules keep containers from, and the remedy.
type Obstacle struct{ Found, Remedy string }

// Conflicts gives the rules of others that send a published port elsewhere, as
// sentences. Such a rule is left as it is; ours come before it.
func Conflicts(ctx context.Context, publish []deployer.Publish) ([]string, error) {
	have, err := readRules(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for rules on the published ports: %w", err)
	}
	return findConflicts(have, publish), nil
}

// readRules reads the rules that iptables shows.
func readRules(ctx context.Context) (tables, error) {
	tool, err := newIPTables("iptables")
	if err != nil {
		return nil, err
	}
	return tool.read(ctx)
}

func findConflicts(have tables, publish []deployer.Publish) []string {
	t := have["nat"]
	if t == nil {
		return nil
	}
	var conflicts []string
	for _, chain := range t.chains {
		if ours(chain) {
			continue
		}
		for _, r := range t.rules[chain] {
			i := slices.IndexFunc(publish, func(p deployer.Publish) bool { return takes(r, p) })
			if i >= 0 {
				conflicts = append(conflicts, fmt.Sprintf("a rule of somebody else may send port %d elsewhere: "+
					"iptables -t nat -A %s %s", publish[i].Port, chain, r))
			}
		}
	}
	return conflicts
}

// takes says whether the rule sends packets for a published port elsewhere.
func takes(r rule, p deployer.Publish) bool {
	to := r.target()
	return (to == "DNAT" || to == "REDIRECT") && r.matches(p)
}

// matches says whether the rule may be about packets for a published port.
func (r rule) matches(p deployer.Publish) bool {
	if i := slices.Index(r, "-i"); i >= 0 && i+1 < len(r) && (i == 0 || r[i-1] != "!") && r[i+1] != p.Interface {
		return false
	}
	number := map[string]string{deployer.TCP: "6", deployer.UDP: "17"}[p.Protocol]
	if protocol := r.after("-p"); protocol != p.Protocol && protocol != number && protocol != "" {
		return false
	}
	for i, word := range r[:max(0, len(r)-1)] {
		if word != "--dport" && word != "--dports" && word != "--ports" {
			continue
		}
		inside := slices.ContainsFunc(strings.Split(r[i+1], ","), func(span string) bool {
			first, last, ok := strings.Cut(span, ":")
			if !ok {
				last = first
			}
			low, err1 := strconv.ParseUint(first, 10, 16)
			high, err2 := strconv.ParseUint(last, 10, 16)
			return err1 == nil && err2 == nil && low <= uint64(p.Port) && uint64(p.Port) <= high
		})
		return inside != (i > 0 && r[i-1] == "!")
	}
	return true // every port
}

// Backends looks whether rules are kept by both variants of iptables, legacy
// and nft, and gives a sentence about it, or nothing. The kernel asks both, so
// each may undo what the other allows, and each shows its own rules only.
func Backends(ctx context.Context) (note string, err error) {
	var saves [2][]byte
	for i, program := range []string{"iptables-legacy-save", "iptables-nft-save"} {
		saves[i], err = run(ctx, toolWait, "", program)
		if errors.Is(err, exec.ErrNotFound) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("look for rules in both variants of iptables: %w", err)
		}
	}
	return compareBackends(saves[0], saves[1])
}

func compareBackends(legacySave, nftSave []byte) (note string, err error) {
	legacy, err := parseTables(legacySave)
	if err != nil {
		return "", fmt.Errorf("legacy iptables: %w", err)
	}
	nft, err := parseTables(nftSave)
	if err != nil {
		return "", fmt.Errorf("nft iptables: %w", err)
	}
	l, ownL := count(legacy)
	n, ownN := count(nft)
	if l == 0 || n == 0 {
		return "", nil
	}
	note = fmt.Sprintf("iptables has rules in both variants, %d in legacy and %d in nft; the kernel asks both, "+
		"so a packet that one lets through the other may still drop", l, n)
	if ownL > 0 && ownN > 0 {
		note += "; both have rules of jarloop: those of the variant that \"iptables --version\" does not name are left over"
	}
	return note, nil
}

// count gives the number of rules, and of those in chains of ours.
func count(all tables) (rules, own int) {
	for _, t := range all {
		for chain, in := range t.rules {
			rules += len(in)
			if ours(chain) {
				own += len(in)
			}
		}
	}
	return rules, own
}
