package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// footprint is what an agent could let grow with each redeploy.
type footprint struct {
	resident                     float64 // MiB
	files, mounts, clones, names int
}

// growth redeploys a thousand times and compares what the agent takes up after
// the first tenth with what it takes up at the end.
func (b *bench) growth(ctx context.Context) error {
	services := several(5)
	return b.withRig(ctx, func(r *rig) error {
		if err := r.furnish(ctx, services...); err != nil {
			return err
		}
		if err := r.start(ctx); err != nil {
			return err
		}
		rounds := r.n(4, 200)
		var early footprint
		for i := range rounds {
			if _, err := r.redeploy(ctx, services...); err != nil {
				return fmt.Errorf("round %d: %w", i+1, err)
			}
			if (i+1)%20 == 0 {
				say("%d redeploys", (i+1)*len(services))
			}
			if i == rounds/10 {
				var err error
				if early, err = r.footprint(ctx); err != nil {
					return err
				}
			}
		}
		late, err := r.footprint(ctx)
		if err != nil {
			return err
		}
		n := rounds * len(services)
		b.report.add(fmt.Sprintf("resident memory of the agent after %d redeploys", n), "MiB", []float64{late.resident})
		b.report.check(fmt.Sprintf("resident memory after %d redeploys, MiB more than after a tenth", n), late.resident-early.resident, "≤", 4)
		b.report.check("open files more", float64(late.files-early.files), "≤", 5)
		b.report.check("mounts more", float64(late.mounts-early.mounts), "≤", 0)
		b.report.check("clones noted in the bases more", float64(late.clones-early.clones), "≤", 0)
		b.report.check("names in LXC's folder more", float64(late.names-early.names), "≤", 0)
		return nil
	})
}

// footprint measures the agent when all is at rest.
func (r *rig) footprint(ctx context.Context) (f footprint, err error) {
	if err := r.settled(ctx); err != nil {
		return f, err
	}
	pid := r.agentPID(ctx)
	if f.resident, err = resident(pid); err != nil {
		return f, err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return f, err
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mounts", pid))
	if err != nil {
		return f, err
	}
	names, err := os.ReadDir(r.LXC)
	if err != nil {
		return f, err
	}
	snapshots, err := filepath.Glob(filepath.Join(r.LXC, "*", "lxc_snapshots"))
	if err != nil {
		return f, err
	}
	for _, file := range snapshots {
		text, err := os.ReadFile(file)
		if err != nil {
			return f, err
		}
		f.clones += strings.Count(string(text), "\n")
	}
	f.files, f.mounts, f.names = len(files), strings.Count(string(mounts), "\n"), len(names)
	return f, nil
}
