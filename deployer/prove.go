package deployer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

const (
	// Between two tries is a fiftieth of the time that has gone by, within these:
	// what comes up soon is found soon, and what takes long is not asked so often
	// that it takes longer. A command costs more than a request.
	probeLeast   = 2 * time.Millisecond
	probeMost    = 10 * time.Millisecond
	probeCommand = 100 * time.Millisecond
)

// proof is the proving of one generation.
type proof struct {
	*shop
	g     *Generation
	h     Health
	began time.Time
}

// prove waits until the generation is healthy, its process has ended or its
// time is over.
func (s *shop) prove(ctx context.Context, service Service, g *Generation) error {
	p := &proof{shop: s, g: g, h: service.Health, began: time.Now()}
	ctx, cancel := context.WithTimeout(ctx, p.h.Timeout)
	defer cancel()
	last := errors.New("not asked yet")
	for {
		// The process first: another may answer at its port by now.
		if err := s.Engine.Check(g.Name()); err != nil {
			return err
		}
		if err := p.try(ctx); err == nil {
			return s.Engine.Check(g.Name())
		} else if ctx.Err() == nil {
			last = err
		}
		every := min(probeMost, max(probeLeast, time.Since(p.began)/50))
		if p.h.Command != "" {
			every = probeCommand
		}
		if err := pause(ctx, every); errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("not healthy within %s: %w", p.h.Timeout, last)
		} else if err != nil {
			return err
		}
	}
}

// try looks once whether all that is given is so, what costs least first.
func (p *proof) try(ctx context.Context) error {
	if p.h.Log != "" && !p.g.output.matched.Load() {
		return fmt.Errorf("no line of its output matches %q yet (health.log)", p.h.Log)
	}
	if up := time.Since(p.began); up < p.h.Up {
		return fmt.Errorf("it has not been up for %s yet (health.up)", p.h.Up)
	}
	ctx, cancel := context.WithTimeout(ctx, p.h.TryTimeout)
	defer cancel()
	if err := p.ask(ctx); err != nil || p.h.Command == "" {
		return err
	}
	if _, err := p.Engine.Run(ctx, p.g.Name(), []string{"/bin/sh", "-c", p.h.Command}); err != nil {
		return fmt.Errorf("health.command: %w", err)
	}
	return nil
}

// pattern is what a line of the output has to match; nil: nothing.
func (h Health) pattern() *regexp.Regexp {
	if h.Log == "" {
		return nil
	}
	return regexp.MustCompile(h.Log) // the configuration has checked it
}
