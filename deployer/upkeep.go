package deployer

import (
	"context"
	"errors"
	"fmt"
)

// reshape makes services those that there are. What runs of them is told the
// names that it needs now; to what is live of others nothing leads any more.
func (w *wiring) reshape(ctx context.Context, services map[string]Service) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.services = services
	for service := range w.live {
		if _, stays := services[service]; !stays {
			delete(w.live, service)
		}
	}
	var errs []error
	for g, s := range w.running {
		if now, stays := services[s.Name]; stays {
			s = now
			w.running[g] = s
		}
		changed, err := w.network.SetNames(g.root, w.names(s))
		if err != nil {
			errs = append(errs, fmt.Errorf("names of %s: %w", g.Name(), err))
		}
		g.stale = g.stale || changed
		if g.Phase == Live || g.Phase == Draining {
			errs = append(errs, w.rewire(ctx, g, s))
		}
	}
	w.show() // who waits may need others now
	return errors.Join(append(errs, w.network.SetPorts(ctx, w.targets(), w.fixed))...)
}

// lead makes ports and addresses lead to what they are to lead to.
func (w *wiring) lead(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.network.SetPorts(ctx, w.targets(), w.fixed)
}

// repair puts back what someone else has changed, and says what it was. It
// writes nothing where nothing has changed.
func (w *wiring) repair(ctx context.Context) (mended []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mend(ctx)
}

// mend is repair for whoever holds the lock.
func (w *wiring) mend(ctx context.Context) (mended []string, err error) {
	w.astray = map[string]bool{}
	for g, s := range w.running {
		changed, failed := w.network.SetNames(g.root, w.names(s))
		if failed != nil {
			failed = fmt.Errorf("names of %s: %w", g.Name(), failed)
		}
		if changed {
			mended = append(mended, "hosts file of "+g.Name())
			g.stale = true
		}
		if g.Phase == Live || g.Phase == Draining {
			failed = errors.Join(failed, w.rewire(ctx, g, s))
		}
		for _, need := range s.Needs {
			w.astray[need] = w.astray[need] || failed != nil
		}
		err = errors.Join(err, failed)
	}
	changed, e := w.network.RepairPorts(ctx, w.targets(), w.fixed)
	if changed {
		mended = append(mended, "iptables rules")
	}
	w.astray[everyService] = e != nil
	return mended, errors.Join(err, e)
}

// everyService stands in astray for all, those included that have gone from the
// configuration.
const everyService = ""

// isAstray says whether names and ports may lead to generations of the service
// that they should not lead to.
func (w *wiring) isAstray(service string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.astray[service] || w.astray[everyService]
}
