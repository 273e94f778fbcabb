package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// scale measures the redeploy of one service among few and among many. The few
// come before and after the many, so that what changes with time meets both.
func (b *bench) scale(ctx context.Context) (err error) {
	n := b.n(4, 10)
	lower, err := raiseInstances()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lower()) }()
	return b.withRig(ctx, func(r *rig) error {
		took := map[int][]float64{}
		for _, block := range []struct{ services, rounds int }{{5, n - n/2}, {40, n}, {5, n / 2}} {
			if block.rounds == 0 {
				continue
			}
			times, err := r.among(ctx, several(block.services), block.rounds)
			if err != nil {
				return fmt.Errorf("among %d services: %w", block.services, err)
			}
			took[block.services] = append(took[block.services], times...)
			say("one of %d services: %.3f s", block.services, times)
		}
		few := b.report.add("redeploy of one of 5 services", "s", took[5])
		many := b.report.add("redeploy of one of 40 services", "s", took[40])
		b.report.check("one of 40 / one of 5, of the medians", many.Median/few.Median, "≤", 1.15)
		return nil
	})
}

// raiseInstances lets as many guests boot as there are to be: each has some
// instances of inotify, which the kernel counts for all together. The caller
// calls lower, which sets back what it was.
func raiseInstances() (lower func() error, err error) {
	const file = "/proc/sys/fs/inotify/max_user_instances"
	before, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(before))); err != nil || n >= 1024 {
		return func() error { return nil }, err
	}
	return func() error { return os.WriteFile(file, before, 0) }, os.WriteFile(file, []byte("1024"), 0)
}

// among brings the services up and redeploys the first of them.
func (r *rig) among(ctx context.Context, services []service, rounds int) ([]float64, error) {
	if err := r.furnish(ctx, services...); err != nil {
		return nil, err
	}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	var times []float64
	for i := range rounds + 1 {
		if err := r.rest(ctx); err != nil {
			return nil, err
		}
		t, err := r.redeploy(ctx, services[0])
		if err != nil {
			return nil, err
		}
		t.Name = fmt.Sprintf("one of %d", len(services))
		if i > 0 { // the first after the start of an agent is its own kind
			times = append(times, t.Answer/1000)
			r.report.Traces = append(r.report.Traces, t)
		}
		if err := r.settled(ctx); err != nil {
			return nil, err
		}
	}
	return times, r.stop()
}
