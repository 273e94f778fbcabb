package watcher

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// ledger is what callers may change at any time, even while the loop does not
// run: who has asked for a service, and which sets are not to be removed. It is
// all that is shared, hence the lock, which is held over no call of the kernel.
type ledger struct {
	asks chan struct{} // of one: somebody has asked

	mu       sync.Mutex
	accounts map[string]*account // by service
}

type account struct {
	asked    bool
	reserved []string                 // IDs of sets that are being reported or were reported last
	removing map[string]chan struct{} // by ID; closed when it is done
}

func newLedger(services []Service) *ledger {
	l := &ledger{asks: make(chan struct{}, 1)}
	l.reconfigure(services)
	return l
}

// reconfigure makes services those that there are.
func (l *ledger) reconfigure(services []Service) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.accounts
	l.accounts = make(map[string]*account)
	for _, s := range services {
		if l.accounts[s.Name] = before[s.Name]; l.accounts[s.Name] == nil {
			l.accounts[s.Name] = &account{removing: make(map[string]chan struct{})}
		}
	}
}

// ask asks for services, for all if none is named.
func (l *ledger) ask(services ...string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range services {
		if l.accounts[name] == nil {
			return errUnknown(name)
		}
	}
	for name, a := range l.accounts {
		if len(services) == 0 || slices.Contains(services, name) {
			a.asked = true
		}
	}
	select {
	case l.asks <- struct{}{}:
	default: // the loop has not heard of the ask before
	}
	return nil
}

// asked gives the services that were asked for since the last call.
func (l *ledger) asked() (services []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, a := range l.accounts {
		if a.asked {
			services = append(services, name)
			a.asked = false
		}
	}
	return services
}

// reserve keeps a set from being removed. It waits for a removal under way.
func (l *ledger) reserve(ctx context.Context, service, id string) {
	for {
		removal := l.tryReserve(service, id)
		if removal == nil {
			return
		}
		select {
		case <-removal:
		case <-ctx.Done():
			return
		}
	}
}

func (l *ledger) tryReserve(service, id string) (removal <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[service]
	if a == nil {
		return nil // nobody is to hear of the set
	}
	if removal := a.removing[id]; removal != nil {
		return removal
	}
	if !slices.Contains(a.reserved, id) {
		a.reserved = append(a.reserved, id)
	}
	return nil
}

// reported ends all reservations of a service but that of the set that was
// reported last.
func (l *ledger) reported(service, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.accounts[service]; a != nil {
		a.reserved = []string{id}
	}
}

// remove has the sets removed that are neither reserved nor in keep.
func (l *ledger) remove(service string, sets []string, keep map[string]bool, remove func(ids []string) error) error {
	ids, done, err := l.removal(service, sets, keep)
	if err != nil {
		return err
	}
	defer done()
	return remove(ids)
}

func (l *ledger) removal(service string, sets []string, keep map[string]bool) (ids []string, done func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[service]
	if a == nil {
		return nil, nil, errUnknown(service)
	}
	finished := make(chan struct{})
	for _, id := range sets {
		if !keep[id] && !slices.Contains(a.reserved, id) && a.removing[id] == nil {
			ids = append(ids, id)
			a.removing[id] = finished
		}
	}
	return ids, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, id := range ids {
			delete(a.removing, id)
		}
		close(finished)
	}, nil
}

func errUnknown(service string) error { return fmt.Errorf("no service is named %q", service) }
