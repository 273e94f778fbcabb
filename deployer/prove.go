package deployer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// proof is the proving of one generation. It belongs to one goroutine.
type proof struct {
	finding
	began       time.Time
	tries, late int // late: that were cut off
}

// prove waits until the generation is healthy, its process has ended or its
// time is over. It gives the generation as it is then: with the port that it was
// found to listen on.
func (s *shop) prove(ctx context.Context, service Service, g *Generation) (*Generation, error) {
	p := &proof{began: time.Now(), finding: finding{probe: probe{s.Engine, g, service.Health}, service: service, port: g.Port}}
	ctx, cancel := context.WithTimeout(ctx, p.h.Timeout)
	defer cancel()
	last := errors.New("no answer")
	for {
		// The process first: another may answer at its port by now.
		if err := s.Engine.Check(g.Name()); err != nil {
			return g, err
		}
		if err := p.try(ctx); err == nil {
			return p.proven(), s.Engine.Check(g.Name())
		} else if ctx.Err() == nil {
			last = err
		}
		every := min(probeMost, max(probeLeast, time.Since(p.began)/50))
		if p.h.Command != "" {
			every = probeCommand
		}
		if err := Pause(ctx, every); errors.Is(err, context.DeadlineExceeded) {
			facts := p.facts(context.WithoutCancel(ctx), last.Error())
			if p.late > 0 {
				facts = slices.Insert(facts, 0, fmt.Sprintf("%d of %d tries took longer than health.try_timeout = %q", p.late, p.tries, p.h.TryTimeout))
			}
			all := strings.Join(append([]string{last.Error()}, facts...), "; ") // of whatever cause, it is this
			return g, fmt.Errorf("not healthy within %s: %s", p.h.Timeout, all)
		} else if err != nil {
			return g, err
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
	short, cancel := context.WithTimeout(ctx, p.h.TryTimeout)
	defer cancel()
	what, err := p.asked(), p.ask(short)
	if err == nil && p.h.Command != "" {
		what = "health.command"
		if _, err = p.engine.Run(short, p.g.Name(), []string{"/bin/sh", "-c", p.h.Command}); err != nil {
			err = fmt.Errorf("%s: %w", what, err)
		}
	}
	if ctx.Err() == nil {
		p.tries++
	}
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		p.late++
		return fmt.Errorf("%s: no answer within %s", what, p.h.TryTimeout)
	}
	return err
}
