package deployer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// relaunch starts the service of a generation that has ended, and its container
// where that has ended too. What it had ended for ends, within grace.
func (s *shop) relaunch(ctx context.Context, g *Generation, grace time.Duration) (*Generation, error) {
	g, err := s.takeBack(ctx, g, grace)
	if err != nil {
		return g, err
	}
	if err := s.routing.launched(ctx, g.Name()); err != nil {
		return g, err
	}
	if err := s.Engine.Launch(ctx, g.Name()); err != nil {
		return g, err
	}
	addr, err := s.Engine.Start(ctx, g.Name()) // it runs: this asks for its address
	if err == nil && addr != g.Address {
		g = s.moved(ctx, g, addr)
		s.routing.update(ctx, []*Generation{g})
	}
	return g, errors.Join(err, s.routing.join(ctx, g), s.reload(ctx))
}

// serves waits until a generation that was proven before serves again.
func (s *shop) serves(ctx context.Context, service Service, g *Generation) error {
	service.Health.Log, service.Health.Up = "", 0
	_, err := s.prove(ctx, service, g)
	return err
}

// takeBack makes the data what they were when the service of g ended for another
// generation, if it did: that has ended first, for good.
func (s *shop) takeBack(ctx context.Context, g *Generation, grace time.Duration) (*Generation, error) {
	if g.Yields == "" {
		return g, nil
	}
	if s.Engine.Check(g.Name()) != nil { // else it has not come to that
		if err := s.quit(ctx, g.Yields, grace); err != nil {
			return g, err
		}
		if err := s.Engine.RestoreData(ctx, g.Service); err != nil {
			return g, err
		}
	}
	next := *g
	next.Yields = ""
	if err := s.record(ctx, &next); err != nil {
		return g, err
	}
	return &next, nil
}

// quit ends the service of a generation. That it has ended, or is gone with its
// container, is no error.
func (s *shop) quit(ctx context.Context, name string, grace time.Duration) error {
	err := s.Engine.Quit(ctx, name, grace)
	exit := (*ExitError)(nil)
	if err == nil || errors.As(err, &exit) || errors.Is(err, ErrStopped) || s.hasEnded(name) {
		return nil
	}
	if e := s.Engine.Stop(ctx, name, 0); e != nil {
		return fmt.Errorf("end the service of %s: %w", name, errors.Join(err, e))
	}
	return nil
}
