package main

import (
	"context"
	"fmt"
)

// several makes services that do as little as the trivial one. The first has
// its port.
func several(n int) []service {
	var all []service
	for i := range n {
		all = append(all, service{name: fmt.Sprintf("many%d", i), port: 8100 + i})
	}
	return all
}

// burst measures five JARs that are saved at once against five services that
// are started anew at once.
func (b *bench) burst(ctx context.Context) error {
	services := several(5)
	return b.withRig(ctx, func(r *rig) error {
		if err := r.furnish(ctx, services...); err != nil {
			return err
		}
		var jarloop, floor []float64
		for i := range r.n(3, 10) {
			if err := r.burstRound(ctx, services, &jarloop, &floor); err != nil {
				return fmt.Errorf("round %d: %w", i+1, err)
			}
			say("round %d: five JARs at once %.3f s, in place %.3f s", i+1, jarloop[i], floor[i])
		}
		b.report.add("five JARs at once, jarloop", "s", jarloop)
		b.report.add("five restarts in place at once", "s", floor)
		b.report.check("five at once, jarloop / in place, median", quantile(ratios(jarloop, floor), 0.5), "≤", 1.25)
		return nil
	})
}

func (r *rig) burstRound(ctx context.Context, services []service, jarloop, floor *[]float64) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	if err := r.rest(ctx); err != nil {
		return err
	}
	t, err := r.redeploy(ctx, services...)
	if err != nil {
		return err
	}
	t.Name = "burst"
	r.report.Traces = append(r.report.Traces, t)
	*jarloop = append(*jarloop, t.Answer/1000)
	if err := r.settled(ctx); err != nil {
		return err
	}
	live, err := r.liveContainers(ctx)
	if err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	took, err := r.floor(ctx, live, services...)
	if err != nil {
		return err
	}
	*floor = append(*floor, took.Seconds())
	return nil
}
