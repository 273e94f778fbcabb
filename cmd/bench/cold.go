package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
)

// cold measures how long the sample system takes from nothing that runs, and
// from nothing at all.
func (b *bench) cold(ctx context.Context) error {
	err := b.withRig(ctx, func(r *rig) error {
		if _, err := r.newSample(ctx, ""); err != nil {
			return err
		}
		var took []float64
		for i := range r.n(1, 5) {
			if err := r.rest(ctx); err != nil {
				return err
			}
			d, err := r.bringUp(ctx)
			if err != nil {
				return fmt.Errorf("round %d: %w", i+1, err)
			}
			say("round %d: all up after %.2f s", i+1, d.Seconds())
			took = append(took, d.Seconds())
		}
		f := b.report.add("all six services up, bases cached", "s", took)
		b.report.check("all six up from cached bases, median s", f.Median, "≤", 12)
		return nil
	})
	if err != nil || b.quick {
		return err // bases take a minute and packages from elsewhere
	}
	return b.withRig(ctx, func(r *rig) error { return r.fromNothing(ctx) })
}

// fromNothing builds the bases too, in a path of this lab's own.
func (r *rig) fromNothing(ctx context.Context) error {
	r.LXC = filepath.Join(r.Dir, "lxc")
	if err := os.Mkdir(r.LXC, 0o755); err != nil {
		return err
	}
	began := time.Now()
	if _, err := r.newSample(ctx, ""); err != nil {
		return err
	}
	// With the build of the sample, which is no part of it but takes its time
	// beside nothing else.
	built := time.Since(began)
	d, err := r.bringUp(ctx)
	if err != nil {
		return err
	}
	total := (built + d).Seconds()
	say("from nothing: all up after %.1f s, of them %.1f s for bases and the build", total, built.Seconds())
	r.report.add("all six services up, from nothing", "s", []float64{total})
	r.report.check("all six up from nothing, s", total, "≤", 120)
	return nil
}

// bringUp starts an agent where nothing runs, waits until everything is live,
// and removes it all.
func (r *rig) bringUp(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	if r.agent, err = startAgent(r.Lab, r.program, r.config); err != nil {
		return 0, err
	}
	err = r.eventually(ctx, "all services are live", func(s control.Status) bool {
		for _, one := range s.Services {
			if one.State != "live" {
				return false
			}
		}
		return len(s.Services) > 0
	})
	took = time.Since(began)
	if err != nil {
		return 0, err
	}
	body, err := get(ctx, r.Client(false), "http://10.0.4.2/api")
	if err != nil || !strings.Contains(body, "authorisation") {
		return 0, fmt.Errorf("all is live, and the laptop is answered %q (%w)", body, err)
	}
	if err := r.settled(ctx); err != nil {
		return 0, err
	}
	if err := r.stop(); err != nil {
		return 0, err
	}
	if out, err := r.VM(ctx, r.program, "clean", "--config", r.config).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("clean: %w: %s", err, out)
	}
	return took, nil
}
