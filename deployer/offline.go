package deployer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// FindLatest gives the generation of a service that its record says to be in the
// phase, the one that was live last if there are several, and whether its
// container runs; "" where none is. It is for when no Deployer runs, which would
// know better.
func FindLatest(ctx context.Context, e Engine, service string, p Phase) (name string, running bool, err error) {
	instances, err := e.List(ctx)
	if err != nil {
		return "", false, err
	}
	var latest *Generation
	for _, i := range instances {
		if of, _, ok := parseName(i.Name); !ok || of != service || i.Half {
			continue
		}
		g, err := readInstance(i)
		if errors.Is(err, errCopied) {
			continue
		}
		if err != nil {
			return "", false, err
		}
		if g.Phase == p && g.later(latest) {
			latest, running = g, i.Running
		}
	}
	return latest.Name(), running, nil
}

// RemoveAll removes every generation that there is any trace of, of whatever
// service, but for those that are another agent's, and nothing that has no record of
// ours. No Deployer of theirs may run. It gives the names of those that are gone; the
// error is about the others.
func RemoveAll(ctx context.Context, e Engine, others func(service string, number int) bool) (removed []string, err error) {
	instances, err := e.List(ctx)
	for _, i := range instances {
		if service, number, _ := parseName(i.Name); others(service, number) {
			continue
		}
		_, failed := readInstance(i)
		if !errors.Is(failed, errCopied) { // one that cannot be read is ours
			failed = e.Stop(ctx, i.Name, time.Second)
		}
		if failed == nil {
			failed = e.Remove(ctx, i.Name)
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", i.Name, failed))
			continue
		}
		removed = append(removed, i.Name)
	}
	return removed, err
}

// StopAll stops every instance that runs, side by side, for the next Deployer to
// start again what was live. No Deployer may run. It gives the names of those that
// have stopped; the error is about the others.
func StopAll(ctx context.Context, e Engine, grace time.Duration) (stopped []string, err error) {
	instances, err := e.List(ctx)
	instances = slices.DeleteFunc(instances, func(i Instance) bool {
		_, failed := readInstance(i)
		return !i.Running || errors.Is(failed, errCopied)
	})
	failed := make([]error, len(instances))
	var all sync.WaitGroup
	for n, i := range instances {
		all.Go(func() { failed[n] = e.Stop(ctx, i.Name, grace) })
	}
	all.Wait()
	for n, i := range instances {
		if failed[n] != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", i.Name, failed[n]))
		} else {
			stopped = append(stopped, i.Name)
		}
	}
	return stopped, err
}

// readInstance reads the record of an instance as it was found.
func readInstance(i Instance) (*Generation, error) {
	if _, _, ok := parseName(i.Name); !ok {
		return nil, errCopied
	}
	if i.Err != nil {
		return nil, i.Err
	}
	return ParseRecord(i.Name, i.Record)
}
