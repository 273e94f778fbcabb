package deployer

import (
	"context"
	"fmt"
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
	// askingShare is how many times as long as it takes to count connections
	// they are left alone.
	askingShare = 50
)

// retire drains the old generation and removes it, in the background.
func (l *lane) retire(ctx context.Context, g *Generation) {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	l.draining[g] = cancel
	l.mu.Unlock()
	l.background.Go(func() {
		defer cancel()
		open, err := l.d.drain(ctx, l.s, g)
		if err != nil || !l.release(g) {
			return
		}
		// What has begun to go, goes: an agent that is stopped now would only
		// leave it to the next one.
		if err := l.d.discard(context.WithoutCancel(ctx), g, stopGrace); err != nil {
			l.d.warn(l.s.Name, g.Name()+" not removed yet", err)
			return
		}
		l.d.tell(retired(g, open))
	})
}

// release takes g out of those that drain, and says whether it was there:
// it is removed, or taken back, by whoever got it.
func (l *lane) release(g *Generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, found := l.draining[g]
	delete(l.draining, g)
	return found
}

// drain waits until the generation has nothing left to do: it has no
// connection, or its time is over, or its service has ended. It gives how many
// connections are open then, to be cut off.
func (d *Deployer) drain(ctx context.Context, s Service, g *Generation) (open int, err error) {
	connections := func() int {
		n, err := d.Machine.Connections(int(g.init.Load()), g.Port)
		if err != nil {
			return 0 // its container has ended
		}
		return n
	}
	started := time.Now()
	next := started.Add(min(linger, s.Drain))
	for d.alive(g) == nil {
		if now := time.Now(); !now.Before(next) {
			open = connections()
			if over := now.Sub(started) >= s.Drain; over || open == 0 {
				return open, nil
			}
			// The kernel goes through the connections of all: where there are
			// many, asking ten times a second took a tenth of a core.
			next = now.Add(askingShare * time.Since(now))
			if last := started.Add(s.Drain); next.After(last) {
				next = last
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// retired tells that a generation is gone, and how many connections with it.
func retired(g *Generation, open int) Event {
	e := Event{Kind: Retired, Service: g.Service, Generation: g.Name()}
	switch {
	case open == 1:
		e.Reason = "cut off a connection that was open at the end of drain"
	case open > 1:
		e.Reason = fmt.Sprintf("cut off %d connections that were open at the end of drain", open)
	}
	return e
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
	g.close()
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

// close ends what the agent has open of a generation whose service has ended:
// what it printed last has been read then.
func (g *Generation) close() {
	if g.finished != nil {
		g.finished()
		g.finished = nil
	}
	if g.root != nil {
		_ = g.root.Close() // a descriptor that is only read through
		g.root = nil
	}
}
