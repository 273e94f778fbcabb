package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// cluster looks whether it answers, and has what instances are made of.
func cluster(ctx context.Context, m *Machine) []Finding {
	found, err := m.Probe.Cluster(ctx)
	f := Finding{Check: "cluster", State: OK}
	if err != nil {
		f.State, f.Found = Failed, fmt.Sprintf("%s does not answer as it should: %v", m.Config.Engine.Address, err)
		if m.Config.Engine.TLS() {
			f.Remedy = "on a member: incus config trust add-certificate " + m.Config.Engine.Certificate
		}
		return []Finding{f}
	}
	var away []string
	for _, name := range slices.Sorted(maps.Keys(found.Members)) {
		if how := found.Members[name]; how != "Online" {
			away = append(away, name+" is "+strings.ToLower(how))
		}
	}
	f.Found = fmt.Sprintf("%s answers; members: %s", m.Config.Engine.Address, strings.Join(slices.Sorted(maps.Keys(found.Members)), ", "))
	if len(away) > 0 {
		f.State, f.Remedy = Warning, "incus cluster list"
		f.Found += "; " + strings.Join(away, ", ")
	}
	if found.Hidden {
		f.State, f.Remedy = Warning, "on a member: incus config trust show, for the certificate "+m.Config.Engine.Certificate
		f.Found = m.Config.Engine.Address + " answers, but this certificate may not look at members: when one is gone, what it held is not deployed elsewhere"
	}
	findings := []Finding{f}
	for _, b := range m.Config.Bases {
		if b.Exists() || b.BuiltIn && slices.ContainsFunc(found.Bases, func(c ClusterBase) bool { return c.Name == b.Name }) {
			findings = append(findings, found.byHand(b.Name))
			continue
		}
		findings = append(findings, builtBase(ctx, m, b))
	}
	return findings
}

// builtBase looks for the image of a base that has a recipe. Members get it as they need it.
func builtBase(ctx context.Context, m *Machine, b config.Base) Finding {
	container, there, err := m.Probe.Base(ctx, b)
	switch {
	case err != nil:
		return Finding{Check: "base " + b.Name, State: Failed, Found: err.Error()}
	case there:
		return Finding{Check: "base " + b.Name, State: OK, Found: "the image " + container + " is there"}
	}
	f := notBuilt(b)
	if f.State == Warning { // run need not be warned of what it does
		f.State, f.Remedy = OK, ""
	}
	return f
}

// byHand says where a base is that has no recipe: there is to be one on each member, since
// a copy to another one goes over the network.
func (c Cluster) byHand(name string) Finding {
	f := Finding{Check: "base " + name, State: OK}
	var on, running []string
	for _, b := range c.Bases {
		if b.Name != name {
			continue
		}
		on = append(on, b.Member)
		if b.Running {
			running = append(running, b.Instance)
		}
	}
	slices.Sort(on)
	missing := slices.DeleteFunc(slices.Sorted(maps.Keys(c.Members)), func(member string) bool { return slices.Contains(on, member) })
	switch {
	case len(on) == 0:
		f.State, f.Found = Failed, fmt.Sprintf("no member has an instance %s, or one with user.jarloop.base=%[1]s", name)
		f.Remedy = "give it a distribution, or make one as docs/cluster.md says"
	case len(running) > 0:
		f.State, f.Found = Failed, fmt.Sprintf("%s runs, and a base must be stopped", strings.Join(running, ", "))
		f.Remedy = "incus stop " + strings.Join(running, " ")
	case len(missing) > 0:
		f.State, f.Found = Warning, fmt.Sprintf("there and stopped on %s, but not on %s, where no container can be made of it", strings.Join(on, ", "), strings.Join(missing, ", "))
		f.Remedy = fmt.Sprintf("incus copy %s %[1]s-%s --target %[2]s -c user.jarloop.base=%[1]s", name, missing[0])
	default:
		f.Found = "there and stopped on " + strings.Join(on, ", ")
	}
	return f
}
