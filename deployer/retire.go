package deployer

import (
	"context"
	"time"
)

const (
	// stopGrace is how long a service may take to end when it is asked to,
	// after its drain.
	stopGrace = 10 * time.Second
	// linger is how long an old generation is kept even when it has no
	// connection: a client that has just looked up its name may still come.
	// The JVMs remember a name for a second.
	linger = 2 * time.Second
)

// drain waits until the generation has nothing left to do: it has no
// connection, or its time is over, or its service has ended.
func (d *Deployer) drain(ctx context.Context, s Service, g *Generation) error {
	started := time.Now()
	for time.Since(started) < s.Drain && d.alive(g) == nil {
		if time.Since(started) >= linger {
			if n, err := d.Machine.Connections(int(g.init.Load()), g.Port); err != nil || n == 0 {
				return nil
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// forget makes the kernel forget the connections to g. If it does not, some
// callers wait for an answer that never comes.
func (d *Deployer) forget(g *Generation) {
	if !g.Address.IsValid() {
		return
	}
	if err := d.Network.Forget(g.Address); err != nil {
		d.warn(g.Service, "connections to "+g.Name(), err)
	}
}

// discard removes a generation: container, address, record, all but what it
// printed. It is safe at any point of the generation's life, and again. What
// it cannot remove now is remembered, and removed by a later sweep.
func (d *Deployer) discard(ctx context.Context, g *Generation, grace time.Duration) error {
	d.wiring.leave(g)
	if g.reports == "" { // it was not claimed: what has its name is somebody else's
		d.Network.Release(g.Name())
		return nil
	}
	err := d.Machine.Stop(ctx, g.Name(), grace)
	d.forget(g) // not before, lest nobody hears that a connection ends
	if g.finished != nil {
		g.finished() // after the stop, so that its last lines are seen
		g.finished = nil
	}
	if g.root != nil {
		_ = g.root.Close() // a descriptor that is only read through
		g.root = nil
	}
	if err == nil {
		err = destroy(ctx, d.Machine, g.Name())
	}
	if err != nil {
		d.garbage.add(g, oneLine(err))
		return err
	}
	// Only now: while the container is there, so is its address.
	d.Network.Release(g.Name())
	d.garbage.remove(g)
	return nil
}

// sweep tries again to remove what could not be removed before, and tells what
// has become of it where that is news.
func (d *Deployer) sweep(ctx context.Context) {
	for g, reason := range d.garbage.list() {
		err := d.discard(ctx, g, 0)
		switch {
		case err == nil:
			d.tell(Event{Kind: Retired, Service: g.Service, Generation: g.Name()})
		case oneLine(err) != reason && ctx.Err() == nil:
			d.warn(g.Service, g.Name()+" cannot be removed yet", err)
		}
	}
}
