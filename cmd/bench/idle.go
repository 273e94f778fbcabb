package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// idle measures what an agent takes while nothing happens, and whether it keeps
// open files of deploys that are over.
func (b *bench) idle(ctx context.Context) error {
	services, files, still := several(20), 100, time.Minute
	if b.quick {
		still = 10 * time.Second
	}
	return b.withRig(ctx, func(r *rig) error {
		if err := r.furnish(ctx, services...); err != nil {
			return err
		}
		for _, s := range services {
			for i := range files - 1 {
				if _, err := r.save(filepath.Join(r.folder(s), fmt.Sprintf("file%02d.txt", i)), []byte(s.name)); err != nil {
					return err
				}
			}
		}
		if err := r.start(ctx); err != nil {
			return err
		}
		if err := r.atRest(ctx, still); err != nil {
			return err
		}
		return r.openFiles(ctx, services[0], r.n(5, 20))
	})
}

// atRest measures the agent while nothing happens.
func (r *rig) atRest(ctx context.Context, still time.Duration) error {
	before, err := spent(r.agentPID(ctx))
	if err != nil {
		return err
	}
	began := time.Now()
	select {
	case <-time.After(still):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	after, err := spent(r.agentPID(ctx))
	if err != nil {
		return err
	}
	share := 100 * (after - before).Seconds() / time.Since(began).Seconds()
	resident, err := resident(r.agentPID(ctx))
	if err != nil {
		return err
	}
	r.report.add("idle agent and its children, 20 services, 2,000 files", "% of a core", []float64{share})
	r.report.add("idle agent, resident memory", "MiB", []float64{resident})
	r.report.check("idle, % of a core", share, "≤", 1)
	r.report.check("idle, MiB resident", resident, "≤", 40)
	return nil
}

// openFiles compares the agent's open files before and after redeploys.
func (r *rig) openFiles(ctx context.Context, s service, rounds int) error {
	count := func() (int, error) {
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.agentPID(ctx)))
		return len(files), err
	}
	before := 0
	for i := range rounds + 1 {
		if _, err := r.redeploy(ctx, s); err != nil {
			return err
		}
		if err := r.settled(ctx); err != nil {
			return err
		}
		if i == 0 { // what a first deploy opens for good is no growth
			var err error
			if before, err = count(); err != nil {
				return err
			}
		}
	}
	after, err := count()
	if err != nil {
		return err
	}
	r.report.add("open files of the agent after its redeploys", "files", []float64{float64(after)})
	r.report.check(fmt.Sprintf("open files more after %d redeploys", rounds), float64(after-before), "≤", 0)
	return nil
}

// agentPID is the agent's own process; 0 if it does not say.
func (r *rig) agentPID(ctx context.Context) int {
	s, err := r.control.Status(ctx)
	if err != nil {
		return 0
	}
	return s.PID
}

// tick is the unit of times in /proc (proc_pid_stat(5)): 10 ms on every
// architecture that Linux has today.
const tick = 10 * time.Millisecond

// spent is the processor time of a process and of its children that have ended.
func spent(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseSpent(string(text))
}

// parseSpent reads utime, stime, cutime and cstime, fields 14 to 17. The second
// is a name in parentheses that may hold anything.
func parseSpent(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 15 {
		return 0, fmt.Errorf("too few fields in %q", stat)
	}
	sum := 0
	for _, f := range fields[11:15] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * tick, nil
}

// resident is the memory of a process in MiB.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "VmRSS:"); found {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}
