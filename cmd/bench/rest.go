package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/control"
)

const (
	// calmShare is how much of all processors others may take while something is
	// measured, and calmWindow over which time that is looked at.
	calmShare  = 0.1
	calmWindow = 250 * time.Millisecond
	// calmPatience is how long that is waited for, and calmHopeless how long where it
	// was waited for in vain the last time: a machine that others use never rests.
	calmPatience = 20 * time.Second
	calmHopeless = 2 * time.Second
)

// rests is how often rest was waited for, and what was found where it did not come.
type rests struct {
	Waited int     `json:"waited"`
	Vain   int     `json:"in_vain"`
	Worst  float64 `json:"busiest"` // of all processors, where it was in vain

	hopeless bool // the last one was in vain
}

// rest waits until what is measured next has the machine for itself: the agent has
// nothing to do, its standbys have booted, what was written is on the disk, and the
// processors idle. Where the last does not come the report says so.
func (r *rig) rest(ctx context.Context) error {
	if r.agent != nil {
		if err := r.settled(ctx); err != nil {
			return err
		}
		if err := r.booted(ctx); err != nil {
			return err
		}
	}
	return r.calm(ctx)
}

// calm waits until what was written is on the disk and the processors idle.
func (r *rig) calm(ctx context.Context) error {
	if err := r.quiet(); err != nil {
		return err
	}
	return r.report.Rests.calm(ctx, busy)
}

// calm waits until the processors have been idle for two windows. look gives what they
// have done and could have done so far, in ticks.
func (r *rests) calm(ctx context.Context, look func() (done, possible float64, err error)) error {
	patience := calmPatience
	if r.hopeless {
		patience = calmHopeless
	}
	r.Waited++
	end := time.Now().Add(patience)
	for idle := 0; idle < 2; {
		share, err := shareOf(ctx, look)
		switch {
		case err != nil:
			return err
		case share <= calmShare:
			idle++
		case time.Now().After(end):
			r.hopeless = true
			r.Vain++
			r.Worst = max(r.Worst, share)
			return nil
		default:
			idle = 0
		}
	}
	r.hopeless = false
	return nil
}

// shareOf is how busy the processors are over a window, of 1.
func shareOf(ctx context.Context, look func() (done, possible float64, err error)) (float64, error) {
	done, possible, err := look()
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(calmWindow):
	}
	d, p, err := look()
	if err != nil || p == possible {
		return 0, err
	}
	return (d - done) / (p - possible), nil
}

// busy reads how long all processors have worked, or were taken away by a hypervisor,
// and how long they could have (proc_stat(5)).
func busy() (done, possible float64, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	return parseBusy(string(text))
}

// parseBusy reads the first line: user, nice, system, idle, iowait, irq, softirq and
// steal. What follows is in the first two already.
func parseBusy(stat string) (done, possible float64, err error) {
	first, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(first)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("no times of processors in %q", first)
	}
	for i, f := range fields[1:9] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0, 0, err
		}
		possible += n
		if i != 3 && i != 4 {
			done += n
		}
	}
	return done, possible, nil
}

// booted waits until the guest of each standby has come to the gate of its service.
func (r *rig) booted(ctx context.Context) error {
	return r.eventually(ctx, "every standby has booted", func(s control.Status) bool {
		// In a standby, what runs of the unit is what waits at the gate.
		running := inServices()
		for _, one := range s.Services {
			if one.Standby != "" && len(running[one.Standby]) == 0 {
				return false
			}
		}
		return true
	})
}

// settled waits until each of the services, all if none is named, has one
// live generation, its standby if there shall be one, and nothing else.
func (r *rig) settled(ctx context.Context, names ...string) error {
	text, err := os.ReadFile(r.config)
	if err != nil {
		return err
	}
	standby := !strings.Contains(string(text), "standby = false")
	return r.eventually(ctx, "everything is at rest", func(s control.Status) bool {
		for _, one := range s.Services {
			if len(names) > 0 && !slices.Contains(names, one.Service) {
				continue
			}
			if one.State != "live" || len(one.Draining) > 0 || standby && one.Standby == "" {
				return false
			}
		}
		return len(s.Services) > 0
	})
}

// askEvery is the pause between two questions to the agent, of which each takes it
// some time.
const askEvery = 50 * time.Millisecond

// eventually asks the agent for its status until so says yes.
func (r *rig) eventually(ctx context.Context, what string, so func(control.Status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		s, err := r.control.Status(ctx)
		if err == nil && so(s) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("not true in time: %s: %w (status %+v): %s", what, context.Cause(ctx), s, r.agent.said()), err)
		case <-r.agent.done:
			return fmt.Errorf("the agent ended before this: %s: %s", what, r.agent.said())
		case <-time.After(askEvery):
		}
	}
}

// quiet brings what was written to the disk, so that nothing that is measured
// next waits for it.
func (r *rig) quiet() error {
	dir, err := os.Open(r.LXC)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Syncfs(int(dir.Fd()))
}
