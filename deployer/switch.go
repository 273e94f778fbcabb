package deployer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// promote makes generations live as one act: all of them, or none. It gives them
// as they are then.
//
// What a crash leaves is never ahead of what is written: names and ports move
// first, and the first record is the moment that counts, since it names the
// others.
func (s *shop) promote(ctx context.Context, all ...*Generation) (live []*Generation, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), switchTime)
	defer cancel()
	var moves []move
	for _, g := range all {
		moves = append(moves, move{service: g.Service, to: g, any: true})
	}
	before, ordinals, err := s.routing.set(ctx, moves...)
	if err != nil {
		return nil, err
	}
	back := func(err error) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), switchTime)
		defer cancel()
		if e := s.routing.undo(ctx, before, moves...); e != nil {
			err = errors.Join(err, fmt.Errorf("go back: %w", e))
		}
		return errors.Join(err, s.reload(ctx))
	}
	if err := s.reload(ctx); err != nil {
		return nil, back(err)
	}
	for i, g := range all {
		next := g.in(Live)
		next.Since, next.Ordinal, next.With = time.Now(), ordinals[g.Service], nil
		if i == 0 {
			for _, other := range all[1:] {
				next.With = append(next.With, other.Name())
			}
		}
		if err := s.record(ctx, next); err != nil {
			for _, done := range append(live, next) { // the last one may be there all the same
				err = errors.Join(err, s.record(ctx, done.in(Candidate)))
			}
			return nil, back(err)
		}
		live = append(live, next)
	}
	s.routing.update(ctx, live)
	return live, nil
}

// goBack makes old live again, whose service runs, in place of g, whose service
// has ended. It does not depend on any record, for which there may be no room:
// the next agent takes up what runs.
func (s *shop) goBack(ctx context.Context, g, old *Generation) (*Generation, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), switchTime)
	defer cancel()
	_, ordinals, err := s.routing.set(ctx, move{service: g.Service, from: g, to: old})
	if err != nil {
		return nil, err
	}
	if err := s.reload(ctx); err != nil {
		s.warn(g.Service, "names of those that call it", err)
	}
	next := old.in(Live)
	next.Since, next.Ordinal = time.Now(), ordinals[g.Service]
	s.noted(ctx, next)
	s.routing.update(ctx, []*Generation{next})
	return next, nil
}

// reload tells services that cache names that they have changed. A service that
// has ended reads them when it starts again: it is no reason to hold others up.
func (s *shop) reload(ctx context.Context) error {
	all, err := s.routing.stale(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		// Before it reads them: what another switch changes meanwhile has it told again.
		if err := s.routing.launched(ctx, r.instance); err != nil {
			return err
		}
		_, err := s.Engine.Run(ctx, r.instance, []string{"/bin/sh", "-c", r.command})
		if err != nil && s.Engine.Check(r.instance) == nil {
			return errors.Join(fmt.Errorf("reload_command of %s: %w", r.instance, err), s.routing.untold(context.WithoutCancel(ctx), r.instance))
		}
	}
	return nil
}
