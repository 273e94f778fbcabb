package main

import (
	"context"
	"fmt"
)

// appLoad redeploys the Spring Boot application again and again while people use it.
func (b *bench) appLoad(ctx context.Context) error {
	s := subjects[0]
	return b.withTrial(ctx, s, func(t *trial) error {
		one := t.roles()[0]
		url := fmt.Sprintf("http://%s:%d/", vmAddress, one.port)
		rate, err := t.calibrate(ctx, url)
		if err != nil {
			return err
		}
		n := t.n(3, 100)
		load := t.startTraffic(rate, url)
		var took []float64
		for i := range n {
			tr, err := t.once(ctx, one, t.poll)
			if err == nil {
				err = t.settled(ctx)
			}
			if err != nil {
				load.end()
				return fmt.Errorf("redeploy %d: %w", i+1, err)
			}
			took = append(took, tr.Answer/1000)
			if (i+1)%10 == 0 {
				say("%s, %d redeploys, %d failed requests", s.name, i+1, load.failures())
			}
		}
		load.end()
		b.report.add(s.name+": from the save to the new answer, under that load", "s", took)
		for _, why := range load.explain(nil) {
			b.report.note("%s: failed: %s", s.name, why)
		}
		b.report.check(fmt.Sprintf("%s: failed of %d requests through %d redeploys", s.name, load.metrics.Requests, n), float64(len(load.failed)), "≤", 0)
		return nil
	})
}
