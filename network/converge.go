package network

import (
	"context"
	"fmt"
	"maps"
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
			done <- result{err: errClosed}
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
	left := p.leftovers(ctx, have, wired)
	before := notedSysctls(have)
	for _, l := range left {
		maps.Copy(before, notedSysctls(l.have))
	}
	changed, err = p.remember(before, there, wired)
	if err != nil {
		return changed, err
	}
	for _, h := range unwanted {
		if err := p.host.removeAddress(h); err != nil {
			return changed, err
		}
		changed = true
	}
	for _, s := range plan(have, layout(p.bridge, p.subnet, publishes, w, noteSysctls(p.before))) {
		if err := p.host.apply(ctx, s); err != nil {
			return changed, err
		}
		changed = true
	}
	changed = p.clear(ctx, left) || changed
	if !wired {
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
