package deployer

import (
	"context"
	"errors"
	"time"
)

// switchTime bounds a switch, which nothing else cuts off: once it has begun
// it ends with either generation live, never with half of each.
const switchTime = time.Minute

// move is a switch of one service from old, which may be nil, to g.
type move struct {
	s      Service
	g, old *Generation
}

// promote makes moves as one act: all of them, or none.
func (d *Deployer) promote(ctx context.Context, moves ...move) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), switchTime)
	defer cancel()
	to, back := map[string]*Generation{}, map[string]*Generation{}
	for _, m := range moves {
		to[m.s.Name], back[m.s.Name] = m.g, m.old
	}
	if err := d.wiring.set(ctx, to); err != nil {
		return err
	}
	for i, m := range moves {
		m.g.Since, m.g.With = time.Now(), nil
		if i == 0 {
			for _, other := range moves[1:] {
				m.g.With = append(m.g.With, other.g.Name())
			}
		}
		// The first is the moment that counts after a crash: of two live
		// generations the newer one is, and those with it are, too.
		if err := d.enter(m.g, Live); err != nil {
			for _, done := range moves[:i] {
				err = errors.Join(err, d.enter(done.g, Candidate))
			}
			return errors.Join(err, d.wiring.set(ctx, back))
		}
	}
	for _, m := range moves {
		if m.old != nil {
			d.state(m.old, Draining)
		}
	}
	return nil
}

// demote is promote back to old, whose service runs, from g, whose service has
// ended. It does not depend on any record, for which there may be no room: the
// next agent takes up what runs.
func (d *Deployer) demote(ctx context.Context, s Service, g, old *Generation) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), switchTime)
	defer cancel()
	if err := d.wiring.set(ctx, map[string]*Generation{s.Name: old}); err != nil {
		return err
	}
	old.Since = time.Now()
	d.state(old, Live)
	d.state(g, Draining)
	return nil
}
