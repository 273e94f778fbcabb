package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// Rules of nftables that iptables does not show: those of firewalld, of
// nftables.service, of a person. The kernel asks the chains of all tables at a hook,
// and one that drops is enough: what we accept in ours they drop all the same.

// nftRuleset is what nft prints as JSON (libnftables-json(5)).
type nftRuleset struct {
	Items []struct {
		Chain *nftChain `json:"chain"`
		Rule  *nftRule  `json:"rule"`
	} `json:"nftables"`
}

type nftChain struct {
	Family, Table, Name, Type, Hook, Policy string
	rules                                   []*nftRule
}

// String names the chain as nft does.
func (c *nftChain) String() string { return c.Family + " " + c.Table + " " + c.Name }

type nftRule struct {
	Family, Table, Chain string
	Expr                 []map[string]json.RawMessage
}

// nativeRuleset asks nft for all rules. Where there is no nft there are hardly any
// that iptables does not show.
func nativeRuleset(ctx context.Context) (nftRuleset, error) {
	var all nftRuleset
	text, err := run(ctx, toolWait, "", "nft", "-j", "list", "ruleset")
	if errors.Is(err, exec.ErrNotFound) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return all, fmt.Errorf("read the rules of nftables: %w", err)
	}
	return all, nil
}

// nativeObstacles gives the chains that drop what is published, what containers
// send, or what they ask the VM.
func nativeObstacles(all nftRuleset, bridge string, publish []deployer.Publish) []Obstacle {
	chains := map[string]*nftChain{}
	var based []*nftChain
	for _, item := range all.Items {
		switch c, r := item.Chain, item.Rule; {
		case c != nil:
			chains[c.String()] = c
			if c.Type == "filter" && c.Hook != "" {
				based = append(based, c)
			}
		case r != nil:
			if c := chains[r.Family+" "+r.Table+" "+r.Chain]; c != nil {
				c.rules = append(c.rules, r)
			}
		}
	}
	var found []Obstacle
	for _, c := range based {
		if c.Family != "inet" && c.Family != "ip" || c.Family == "ip" && slices.Contains([]string{"filter", "raw", "mangle", "security"}, c.Table) {
			continue // iptables has the latter, and shows them
		}
		rules := c.reach(chains, map[string]bool{})
		found = append(found, c.fallsShort(rules, bridge)...)
		found = append(found, c.dropsPorts(rules, publish)...)
	}
	return found
}

// reach gives the rules of a chain and of those that it jumps to.
func (c *nftChain) reach(chains map[string]*nftChain, seen map[string]bool) []*nftRule {
	if c == nil || seen[c.Name] {
		return nil
	}
	seen[c.Name] = true
	rules := slices.Clone(c.rules)
	for _, r := range c.rules {
		for _, name := range slices.Sorted(maps.Keys(chains)) {
			if to := chains[name]; to.Family == c.Family && to.Table == c.Table && r.mentions(to.Name) {
				rules = append(rules, to.reach(chains, seen)...)
			}
		}
	}
	return rules
}

// fallsShort gives what a chain that drops what no rule accepts keeps from whom.
func (c *nftChain) fallsShort(rules []*nftRule, bridge string) []Obstacle {
	last := len(c.rules) - 1
	if c.Policy != "drop" && (last < 0 || !c.rules[last].drops() || c.rules[last].conditional()) {
		return nil
	}
	admits := func(words ...string) bool {
		return slices.ContainsFunc(rules, func(r *nftRule) bool {
			return r.passes() && !slices.ContainsFunc(words, func(word string) bool { return !r.mentions(word) })
		})
	}
	obstacle := func(what, match string) Obstacle {
		o := Obstacle{fmt.Sprintf("nftables: chain %s drops what no rule accepts: %s", c, what),
			fmt.Sprintf("sudo nft insert rule %s %s accept, and the same in what sets the rules up, such as /etc/nftables.conf", c, match)}
		if c.Table == "firewalld" {
			o.Remedy = "sudo firewall-cmd --permanent --zone=trusted --add-interface=" + bridge + " && sudo firewall-cmd --reload"
		}
		return o
	}
	var found []Obstacle
	switch onBridge := admits(bridge); {
	case c.Hook == "forward" && !admits("status", "dnat"):
		found = append(found, obstacle("published ports and names do not lead to services", "ct status dnat"))
		fallthrough
	case c.Hook == "forward" && !onBridge:
		found = append(found, obstacle("containers reach nothing outside of the VM", fmt.Sprintf("iifname %q", bridge)))
	case c.Hook == "input" && !onBridge:
		found = append(found, obstacle("containers cannot ask the VM for names of the internet", fmt.Sprintf("iifname %q", bridge)))
	case c.Hook == "prerouting":
		found = append(found, obstacle("published ports may not be reached", "tcp dport PORT"))
	}
	return found
}

// dropsPorts gives the rules that drop what is published, before it is sent on or on
// its way.
func (c *nftChain) dropsPorts(rules []*nftRule, publish []deployer.Publish) []Obstacle {
	var found []Obstacle
	if c.Hook != "prerouting" && c.Hook != "forward" {
		return nil
	}
	for _, r := range rules {
		i := slices.IndexFunc(publish, func(p deployer.Publish) bool {
			return r.matchesPort(p.Protocol, p.Port) || p.To != 0 && r.matchesPort(p.Protocol, p.To)
		})
		if r.drops() && i >= 0 {
			found = append(found, Obstacle{
				fmt.Sprintf("nftables: chain %s %s %s may drop what comes to port %d, at hook %s", r.Family, r.Table, r.Chain, publish[i].Port, c.Hook),
				fmt.Sprintf("sudo nft -a list chain %s %s %s shows the rule; sudo nft delete rule %[1]s %[2]s %[3]s handle HANDLE", r.Family, r.Table, r.Chain),
			})
		}
	}
	return found
}

func (r *nftRule) has(statements ...string) bool {
	return slices.ContainsFunc(r.Expr, func(e map[string]json.RawMessage) bool {
		return slices.ContainsFunc(statements, func(s string) bool { _, there := e[s]; return there })
	})
}

func (r *nftRule) drops() bool       { return r.has("drop", "reject") }
func (r *nftRule) passes() bool      { return r.has("accept", "jump", "goto", "vmap") }
func (r *nftRule) conditional() bool { return r.has("match", "limit", "xt", "vmap") }

// mentions says whether the rule has a word in it.
func (r *nftRule) mentions(word string) bool {
	return slices.ContainsFunc(r.Expr, func(e map[string]json.RawMessage) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(e)), func(text json.RawMessage) bool {
			return strings.Contains(string(text), strconv.Quote(word))
		})
	})
}

// matchesPort says whether the rule asks for a port that packets are sent to.
func (r *nftRule) matchesPort(protocol string, port uint16) bool {
	for _, e := range r.Expr {
		var m struct {
			Op   string
			Left struct {
				Payload struct{ Protocol, Field string }
			}
			Right json.RawMessage
		}
		if json.Unmarshal(e["match"], &m) != nil || m.Left.Payload.Field != "dport" {
			continue
		}
		if m.Left.Payload.Protocol == protocol || m.Left.Payload.Protocol == "th" {
			return (m.Op != "!=") == holdsPort(m.Right, port)
		}
	}
	return false
}

// holdsPort says whether a number, a range, or a list of them holds a port. What is
// in a set with a name is not looked at.
func holdsPort(text json.RawMessage, port uint16) bool {
	var number uint16
	var ports struct {
		Range []uint16
		Set   []json.RawMessage
	}
	if json.Unmarshal(text, &number) == nil {
		return number == port
	}
	if json.Unmarshal(text, &ports) != nil {
		return false
	}
	return len(ports.Range) == 2 && ports.Range[0] <= port && port <= ports.Range[1] ||
		slices.ContainsFunc(ports.Set, func(one json.RawMessage) bool { return holdsPort(one, port) })
}
