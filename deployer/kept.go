package deployer

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/crash"
)

// kept is what has failed, one of each service at most, in the order in which it
// has.
type kept struct {
	mu  sync.Mutex
	all []*Generation
}

func (k *kept) add(g *Generation) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, g)
}

// of gives that of a service, or nil.
func (k *kept) of(service string) *Generation {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, g := range k.all {
		if g.Service == service {
			return g
		}
	}
	return nil
}

// take takes out that of a service, or the first one if that is empty, or gives
// nil: it belongs to whoever got it.
func (k *kept) take(service string) *Generation {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, g := range k.all {
		if service == "" || g.Service == service {
			k.all = slices.Delete(k.all, i, i+1)
			return g
		}
	}
	return nil
}

// undoInstall gives the undo of install, the first step after which there is
// something to look into: a generation that has failed is kept, with all that
// the steps before have made. One that was given up is not, nor one that is held
// back: that one was well, and what failed is another. One that found a disk full
// would take the room that it has lacked.
func (d *Deployer) undoInstall(t *transaction, g *Generation) func(context.Context) error {
	return func(ctx context.Context) error {
		if t.failed == "switch" && d.wiring.isAstray(g.Service) { // before, nothing led there
			d.garbage.add(g, mayLead)
			t.undos = nil
			return nil
		}
		var held *heldBackError
		if t.ctx.Err() == nil && !errors.As(t.err, &held) && !errors.Is(t.err, unix.ENOSPC) && d.keep(ctx, g) {
			t.undos = nil
			return nil
		}
		return d.discard(ctx, g, 0)
	}
}

// keep keeps a generation that has failed, in place of the one before, and says
// whether it does: its container runs on, as it is, but nothing of its service
// does, and nothing leads there. What is not kept is the caller's to discard.
func (d *Deployer) keep(ctx context.Context, g *Generation) bool {
	if !d.KeepFailed || d.lost(g) {
		return false
	}
	defer crash.Point("keep")()
	d.wiring.leave(g)
	if err := d.kill(ctx, g); err != nil {
		d.warn(g.Service, g.Name()+" is not kept", err)
		return false
	}
	d.dropKept(ctx, g.Service)
	if err := d.enter(g, Kept); err != nil {
		d.warn(g.Service, g.Name()+" is not kept", err)
		return false
	}
	d.forget(g) // not before, lest nobody hears that a connection ends
	g.close()
	d.kept.add(g)
	return true
}

// kill ends the service of a generation at once, with all that it has started,
// wherever that has gone; and then its unit, which may not have begun yet.
func (d *Deployer) kill(ctx context.Context, g *Generation) error {
	kind, err := d.Machine.Init(ctx, g.Base)
	if err != nil {
		return err
	}
	if err := d.Machine.Kill(ctx, g.Name()); err != nil {
		return err
	}
	_, err = d.Machine.Run(ctx, g.Name(), kind.Stop())
	return err
}

// dropKept removes what is kept of a service, if anything is.
func (d *Deployer) dropKept(ctx context.Context, service string) {
	if g := d.kept.take(service); g != nil {
		d.drop(ctx, g)
	}
}

func (d *Deployer) drop(ctx context.Context, g *Generation) {
	if err := d.discard(ctx, g, 0); err != nil {
		d.warn(g.Service, g.Name()+" not removed yet", err)
	}
}

// passed removes what is kept of an earlier failure, in the background: what is
// live is the newest. It is taken out at once, since that may fail soon, and be
// kept.
func (l *lane) passed(ctx context.Context) {
	if g := l.d.kept.take(l.s.Name); g != nil {
		l.background.Go(func() { l.d.drop(context.WithoutCancel(ctx), g) })
	}
}
