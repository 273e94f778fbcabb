package network

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
)

// work calls do while nobody else works on the rules. It returns when ctx ends
// at the latest; do then stops after the command that is under way.
func (p *Ports) work(ctx context.Context, do func() (bool, error)) (bool, error) {
	type result struct {
		changed bool
		err     error
	}
	select {
	case p.busy <- struct{}{}:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-p.busy }()
		if p.host == nil {
			done <- result{err: ErrClosed}
			return
		}
		changed, err := do()
		done <- result{changed, err}
	}()
	select {
	case r := <-done:
		return r.changed, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done: // both at once
		return r.changed, r.err
	default:
		return false, context.Cause(ctx)
	}
}

// published gives the targets of the services that have a port.
func (p *Ports) published(targets map[string]netip.AddrPort) (map[string]netip.AddrPort, error) {
	want := map[string]netip.AddrPort{}
	for _, publish := range p.publishes {
		if t, ok := targets[publish.Service]; ok {
			want[publish.Service] = t
		}
	}
	return want, checkTargets(want)
}

// move makes the rules lead from what is known to what is wanted, on trust
// that they are as they were left. After an error nothing is known any more.
func (p *Ports) move(ctx context.Context, want map[string]netip.AddrPort) error {
	from := p.known
	p.known = nil
	for _, c := range layout(p.bridge, p.subnet, p.publishes, want, "") {
		service, ok := p.service(c)
		if !ok {
			continue
		}
		var have []rule
		if t, ok := from[service]; ok {
			have = []rule{targetRule(service, t)}
		}
		for _, s := range fill(c, have) {
			if err := p.host.apply(ctx, s); err != nil {
				return err
			}
		}
	}
	p.known = want
	return nil
}

// service gives the service that a chain leads to, if it is that of a port.
func (p *Ports) service(c chain) (string, bool) {
	for _, publish := range p.publishes {
		if c.name == portChain(publish.Port) {
			return publish.Service, true
		}
	}
	return "", false
}

// converge makes all rules and sysctls what the publishes and targets ask for.
func (p *Ports) converge(ctx context.Context, publishes []Publish, targets map[string]netip.AddrPort) (changed bool, err error) {
	p.known = nil
	have, err := p.host.rules(ctx)
	if err != nil {
		return false, fmt.Errorf("read the rules: %w", err)
	}
	before := localnets(have)
	if p.before != "" && before[p.bridge] == "" {
		before[p.bridge] = p.before // somebody took the rule away
	}
	keep := ""
	if len(publishes) > 0 {
		keep = p.bridge
		now, err := localnetNow(p.host, p.bridge)
		if err != nil {
			return false, err
		}
		p.before = cmp.Or(before[p.bridge], now)
	}
	changed, err = restore(p.host, before, keep)
	if err != nil {
		return changed, err
	}
	for _, s := range plan(have, layout(p.bridge, p.subnet, publishes, targets, noteLocalnet(p.bridge, p.before))) {
		if err := p.host.apply(ctx, s); err != nil {
			return changed, err
		}
		changed = true
	}
	if len(publishes) == 0 {
		p.before = ""
		return changed, nil
	}
	opened, err := p.open()
	if err != nil {
		return changed, err
	}
	p.known = maps.Clone(targets)
	return changed || opened, nil
}

// open has the kernel forward packets, which only the rules above make safe.
func (p *Ports) open() (changed bool, err error) {
	local, err := ensure(p.host, localnetOf(p.bridge))
	if err != nil {
		return false, err
	}
	forward, err := ensure(p.host, "ipv4/ip_forward")
	if forward && err == nil {
		p.notes("turned net.ipv4.ip_forward on, which published ports need; it stays on")
	}
	return local || forward, err
}
