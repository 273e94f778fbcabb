package watcher

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Watcher watches the folders of some services.
type Watcher struct {
	options Options
	loop    *loop
	started atomic.Bool
}

// New checks what it is given, makes the store if there is none, and removes
// from it what a killed run left half done. So it is to be called only by the
// process that owns the store. It reads nothing of the share.
func New(o Options, services []Service) (*Watcher, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	matchers, err := check(services)
	if err != nil {
		return nil, err
	}
	if err := openStore(o.Store); err != nil {
		return nil, err
	}
	return &Watcher{options: o, loop: newLoop(o, services, matchers)}, nil
}

// Run watches until ctx ends and calls emit for each event, from this one
// goroutine; while emit has not returned, nothing else is noticed. It returns nil, or an error that names the services of which a call
// on the share was still hanging: such a call cannot be ended, and its
// goroutine stays until the kernel lets go of it. Run can be called once.
func (w *Watcher) Run(ctx context.Context, emit func(context.Context, Event)) error {
	if w.started.Swap(true) {
		return errors.New("run watcher: it has been run before")
	}
	return w.loop.run(ctx, emit)
}

// Reconfigure makes services those that are watched, while Run runs. One that
// is as it was is not disturbed; one that is new or has changed is looked at
// as if for the first time, so a Ready or Refused follows where there are
// files; of one that is gone nothing is reported any more. The error is about the
// services, of which none is then changed, or that of ctx.
func (w *Watcher) Reconfigure(ctx context.Context, services []Service) error {
	matchers, err := check(services)
	if err != nil {
		return err
	}
	c := change{services, matchers, make(chan struct{})}
	select {
	case w.loop.changes <- c:
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

// Resend makes the services be looked at now, all of them if none is named,
// and a Ready or Refused follow for each even if nothing has changed.
func (w *Watcher) Resend(services ...string) error { return w.loop.ledger.ask(services...) }

// Prune removes the sets of a service but those whose ID is in keep and the
// one that was reported last or is about to be.
func (w *Watcher) Prune(service string, keep map[string]bool) error {
	return w.loop.ledger.prune(w.options.Store, service, keep)
}

// Choice says what the shared folder's file system makes of mode Auto, and
// why: "/host is fuse.bindfs, whose other side inotify cannot see". It looks
// each time, for at most two seconds. A service whose folder is on another
// file system gets what that one needs.
func (w *Watcher) Choice() (Mode, string) {
	if w.options.Mode != Auto {
		return w.options.Mode, fmt.Sprintf("mode is set to %q", w.options.Mode)
	}
	return ModeOf(w.options.Root)
}
