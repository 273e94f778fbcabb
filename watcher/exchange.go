package watcher

import (
	"context"
	"reflect"
	"sync"
)

// change asks Run to watch other services.
type change struct {
	services []Service
	matchers []matcher
	done     chan struct{} // closed when it is so
}

// Reconfigure makes services those that are watched, while Run runs. One that
// is as it was is not disturbed; one that is new or has changed is looked at
// as if for the first time, so a Ready or Refused follows where there are
// files; of one that is gone nothing is told any more. The error is about the
// services, of which none is then changed, or that of ctx.
func (w *Watcher) Reconfigure(ctx context.Context, services []Service) error {
	matchers, err := check(services)
	if err != nil {
		return err
	}
	c := change{services, matchers, make(chan struct{})}
	select {
	case w.changes <- c:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// exchange ends the lanes of services that have changed or gone, and starts
// new ones. It gives the names of those that ended.
func (w *Watcher) exchange(ctx context.Context, running *sync.WaitGroup, c change) (ended []string) {
	old := make(map[string]*lane)
	for _, l := range w.all() {
		old[l.service.Name] = l
	}
	var lanes, fresh []*lane
	for i, s := range c.services {
		l := old[s.Name]
		if l == nil || !reflect.DeepEqual(l.service, s) {
			l = w.lane(s, c.matchers[i], w.events, &w.calls, false)
			fresh = append(fresh, l)
		} else {
			delete(old, s.Name)
		}
		lanes = append(lanes, l)
	}
	for name, l := range old {
		l.end()
		<-l.ended
		w.lookout.gone(l)
		ended = append(ended, name)
	}
	w.mu.Lock()
	w.lanes = lanes
	w.mu.Unlock()
	for _, l := range fresh {
		if before := old[l.service.Name]; before != nil && (before.owed || before.asked.Load()) {
			l.asked.Store(true) // whoever asked still waits
		}
		l.start(ctx, running)
	}
	return ended
}

// all gives the lanes that there are now.
func (w *Watcher) all() []*lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lanes
}

// start runs the lane until ctx ends or end is called; then ended is closed.
func (l *lane) start(ctx context.Context, running *sync.WaitGroup) {
	ctx, l.end = context.WithCancel(ctx)
	l.ended = make(chan struct{})
	running.Go(func() {
		defer close(l.ended)
		defer l.end()
		l.run(ctx)
	})
}
