package watcher

import (
	"context"
	"fmt"
	"maps"
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
	reserved []string      // IDs of sets that are being reported or were reported last
	store    chan struct{} // of one: full while a set is reserved, or sets are removed
}

// reconfigure makes services those that there are.
func (l *ledger) reconfigure(services []Service) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.accounts
	l.accounts = make(map[string]*account)
	for _, s := range services {
		a := before[s.Name]
		if a == nil {
			a = &account{store: make(chan struct{}, 1)}
		}
		l.accounts[s.Name] = a
	}
}

// ask asks for services, for all if none is named.
func (l *ledger) ask(services ...string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(services) == 0 {
		services = slices.Collect(maps.Keys(l.accounts))
	}
	for _, name := range services {
		if l.accounts[name] == nil {
			return errUnknown(name)
		}
	}
	for _, name := range services {
		l.accounts[name].asked = true
	}
	select {
	case l.asks <- struct{}{}:
	default: // the loop has yet to take in who asked before
	}
	return nil
}

// asked says whether a service was asked for since the last call.
func (l *ledger) asked(service string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[service]
	was := a.asked
	a.asked = false
	return was
}

// reserve keeps a set from being removed. It waits for a removal under way.
func (l *ledger) reserve(ctx context.Context, service, id string) {
	a := l.account(service)
	if a == nil {
		return // nobody is to hear of the set
	}
	select {
	case a.store <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-a.store }()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(a.reserved, id) {
		a.reserved = append(a.reserved, id)
	}
}

// reported ends all reservations of a service but that of the set that was
// reported last.
func (l *ledger) reported(last Set) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accounts[last.Service].reserved = []string{last.ID}
}

// prune removes the sets that are neither reserved nor in keep.
func (l *ledger) prune(store, service string, keep map[string]bool) error {
	a := l.account(service)
	if a == nil {
		return errUnknown(service)
	}
	a.store <- struct{}{}
	defer func() { <-a.store }()
	kept := maps.Clone(keep)
	if kept == nil {
		kept = make(map[string]bool)
	}
	l.mu.Lock()
	for _, id := range a.reserved {
		kept[id] = true
	}
	l.mu.Unlock()
	return Prune(store, service, kept)
}

func (l *ledger) account(service string) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accounts[service]
}

func errUnknown(service string) error { return fmt.Errorf("no service is named %q", service) }
