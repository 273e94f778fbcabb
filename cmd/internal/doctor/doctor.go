// Package doctor checks what the agent needs of the machine, and says how to
// repair what is wrong.
//
//	Machine ──▶ checks ──▶ findings ──▶ doctor: a row each
//	 files below Root       │     └───▶ doctor --fix: the safe ones are repaired
//	 Probe: the rest        └─────────▶ run: the cheap ones, which stop it
//
// A check changes nothing. What it reads lies below a folder or comes from a
// Probe, so that each can be tested without the machine.
package doctor

import (
	"context"
	"errors"
	"fmt"
)

type check func(ctx context.Context, m *Machine) []Finding

// cheap are the checks that run makes: of what nothing works without, and of
// inotify, without which many guests do not boot. They cost next to nothing. The
// agent's own folders are checked when they are made.
var cheap = []check{root, liblxc, bridge, interfaces, ports, inotify, memory}

// all are the checks in the order in which they are shown.
var all = []check{
	root, kernel, namespaces, liblxc, bridge, interfaces, forward, rules, dhcp, ports,
	folders, space, data, inotify, memory, bases, oldBases, share, clock,
}

// Where containers are those of a cluster, nothing of LXC is needed here.
var (
	cheapOfCluster = []check{root, bridge, interfaces, ports, cluster}
	allOfCluster   = []check{root, bridge, interfaces, forward, rules, ports, folders, space, cluster, oldBases, share, clock}
)

// Examine makes every check, one after the other.
func Examine(ctx context.Context, m *Machine) []Finding {
	if m.Config.Incus() {
		return examine(ctx, m, allOfCluster)
	}
	return examine(ctx, m, all)
}

// Preflight makes the cheap checks, and gives what has failed; warnings go to
// warn, a line each.
func Preflight(ctx context.Context, m *Machine, warn func(string)) error {
	checks := cheap
	if m.Config.Incus() {
		checks = cheapOfCluster
	}
	var errs error
	for _, f := range examine(ctx, m, checks) {
		if f.State == Warning {
			warn(f.words())
			continue
		}
		errs = errors.Join(errs, f.Err())
	}
	return errs
}

func examine(ctx context.Context, m *Machine, checks []check) []Finding {
	var findings []Finding
	for _, c := range checks {
		if ctx.Err() != nil {
			return findings
		}
		findings = append(findings, c(ctx, m)...)
	}
	return findings
}

// Repair repairs what is safe to repair of the findings, and examines once more:
// the new findings say what was done. What could not be repaired is in the error.
func Repair(ctx context.Context, m *Machine, findings []Finding) ([]Finding, error) {
	repaired := map[string]string{}
	var errs error
	for _, f := range findings {
		if f.State == OK || f.fix == nil {
			continue
		}
		if err := f.fix(ctx); err != nil {
			errs = errors.Join(errs, fmt.Errorf("repair %s: %w", f.Check, err))
			continue
		}
		repaired[f.Check] = f.fixing
	}
	findings = Examine(ctx, m)
	for i, f := range findings {
		findings[i].Repaired = repaired[f.Check]
	}
	return findings, errs
}
