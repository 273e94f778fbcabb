package network

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// Obstacles gives what others' rules drop of what is published and of what containers
// send. What is published, and what containers say to each other, our own rules let
// through as far as iptables goes; the rest is for the owner of the VM to decide.
func Obstacles(ctx context.Context, bridge string, publish []deployer.Publish) ([]Obstacle, error) {
	have, err := readRules(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for rules that drop what containers send: %w", err)
	}
	native, err := nativeRuleset(ctx)
	return slices.Concat(findObstacles(have, bridge), findDrops(have, publish), nativeObstacles(native, bridge, publish)), err
}

// findDrops gives the rules of iptables that drop what comes to a published port
// before any rule of ours is asked.
func findDrops(have tables, publish []deployer.Publish) []Obstacle {
	var all []Obstacle
	for _, name := range []string{"raw", "mangle"} {
		for _, chain := range slices.Sorted(maps.Keys(have.in(name))) {
			for _, r := range have[name].rules[chain] {
				i := slices.IndexFunc(publish, func(p deployer.Publish) bool { return r.matches(p) })
				if r.target() == "DROP" && i >= 0 && strings.Contains(r.String(), "dport") {
					all = append(all, Obstacle{
						fmt.Sprintf("iptables: chain %s of table %s may drop what comes to port %d", chain, name, publish[i].Port),
						fmt.Sprintf("sudo iptables -t %s -D %s %s", name, chain, r),
					})
				}
			}
		}
	}
	return all
}

// in gives the rules of a table by chain.
func (all tables) in(name string) map[string][]rule {
	if all[name] == nil {
		return nil
	}
	return all[name].rules
}

func findObstacles(have tables, bridge string) []Obstacle {
	filter := have["filter"]
	if filter == nil {
		return nil
	}
	ufw := slices.ContainsFunc(filter.chains, func(c string) bool { return strings.HasPrefix(c, "ufw-") })
	var all []Obstacle
	if filter.drops("FORWARD") && !filter.admits(bridge, "FORWARD", "DOCKER-USER", "ufw-user-forward") {
		o := Obstacle{"FORWARD drops what no rule accepts: published ports work, but containers reach nothing outside of the VM",
			"sudo iptables -I FORWARD -i " + bridge + " -j ACCEPT"}
		switch {
		case filter.has("DOCKER-USER"):
			o.Found, o.Remedy = "Docker: "+o.Found, "sudo iptables -I DOCKER-USER -i "+bridge+" -j ACCEPT"
		case ufw:
			o.Found, o.Remedy = "ufw: "+o.Found, "sudo ufw route allow in on "+bridge
		}
		all = append(all, o)
	}
	if filter.drops("INPUT") && !filter.admits(bridge, "INPUT", "ufw-user-input") {
		o := Obstacle{"INPUT drops what no rule accepts: containers cannot ask the VM for names of the internet",
			"sudo iptables -I INPUT -i " + bridge + " -j ACCEPT"}
		if ufw {
			o.Found, o.Remedy = "ufw: "+o.Found, "sudo ufw allow in on "+bridge
		}
		all = append(all, o)
	}
	return all
}

// drops says whether a chain of the kernel's lets nothing through that no rule
// accepts: by its policy, or by a last rule without a condition.
func (t *table) drops(chain string) bool {
	if t.policy[chain] == "DROP" {
		return true
	}
	rules := t.rules[chain]
	if len(rules) == 0 {
		return false
	}
	last := rules[len(rules)-1]
	return last[0] == "-j" && (last.target() == "DROP" || last.target() == "REJECT")
}

// admits says whether a rule of others accepts what comes from the bridge,
// whatever else it asks for.
func (t *table) admits(bridge string, chains ...string) bool {
	for _, chain := range chains {
		for _, r := range t.rules[chain] {
			i := slices.Index(r, "-i")
			negated := i > 0 && r[i-1] == "!"
			if r.target() == "ACCEPT" && i >= 0 && !negated && r.after("-i") == bridge {
				return true
			}
		}
	}
	return false
}
