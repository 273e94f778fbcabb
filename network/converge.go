package network

import (
	"cmp"
	"context"
	"fmt"
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

// move makes the rules lead from what is known to what is wanted, whose
// addresses are the same, on trust that they are as they were left. After an
// error nothing is known any more.
func (p *Ports) move(ctx context.Context, want Wiring) error {
	from := layout(p.bridge, p.subnet, p.publishes, *p.known, "")
	p.known = nil
	for i, c := range layout(p.bridge, p.subnet, p.publishes, want, "") {
		for _, s := range fill(c, from[i].rules) {
			if err := p.host.apply(ctx, s); err != nil {
				return err
			}
		}
	}
	p.known = &want
	return nil
}

// converge makes all rules, addresses and sysctls what the publishes and the
// wiring ask for. An address of ours is on the bridge only while there are rules
// that refuse what nothing leads on.
func (p *Ports) converge(ctx context.Context, publishes []Publish, w Wiring) (changed bool, err error) {
	p.known = nil
	have, err := p.host.rules(ctx)
	if err != nil {
		return false, fmt.Errorf("read the rules: %w", err)
	}
	there, err := p.host.addresses(p.bridge)
	if err != nil {
		return false, err
	}
	unwanted, missing, err := compareAddresses(there, w.Addresses)
	if err != nil {
		return false, err
	}
	wired := len(publishes) > 0 || len(w.Addresses) > 0
	changed, err = p.remember(have, wired)
	if err != nil {
		return changed, err
	}
	for _, h := range unwanted {
		if err := p.host.removeAddress(h); err != nil {
			return changed, err
		}
		changed = true
	}
	for _, s := range plan(have, layout(p.bridge, p.subnet, publishes, w, noteLocalnet(p.bridge, p.before))) {
		if err := p.host.apply(ctx, s); err != nil {
			return changed, err
		}
		changed = true
	}
	if !wired {
		p.before = ""
		return changed, nil
	}
	opened, err := p.open()
	if err != nil {
		return changed, err
	}
	for _, addr := range missing {
		if err := p.host.addAddress(p.bridge, addr); err != nil {
			return changed, err
		}
	}
	p.known = &w
	return changed || opened || len(missing) > 0, nil
}

// remember finds out what route_localnet of the bridge was before us, and sets
// it back on every bridge that is not wired any more.
func (p *Ports) remember(have tables, wired bool) (changed bool, err error) {
	before := localnets(have)
	if p.before != "" && before[p.bridge] == "" {
		before[p.bridge] = p.before // somebody took the rule away
	}
	keep := ""
	if wired {
		keep = p.bridge
		now, err := localnetNow(p.host, p.bridge)
		if err != nil {
			return false, err
		}
		p.before = cmp.Or(before[p.bridge], now)
	}
	return restore(p.host, before, keep)
}

// open has the kernel forward packets, which only the rules above make safe.
func (p *Ports) open() (changed bool, err error) {
	local, err := ensure(p.host, localnetOf(p.bridge))
	if err != nil {
		return false, err
	}
	forward, err := ensure(p.host, "ipv4/ip_forward")
	if forward && err == nil {
		p.notes("turned net.ipv4.ip_forward on, which published ports and service addresses need; it stays on")
	}
	return local || forward, err
}
