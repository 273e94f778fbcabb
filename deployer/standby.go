package deployer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// takeStandby takes the standby out of the lane, if there is one.
func (l *lane) takeStandby() *Generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.standby
	l.standby = nil
	return g
}

// keepStandby keeps g for the next deploy, unless there is one already. None at
// all is nothing to keep.
func (l *lane) keepStandby(ctx context.Context, g *Generation) {
	l.mu.Lock()
	if l.standby == nil {
		l.standby, g = g, nil
	}
	l.mu.Unlock()
	if g != nil {
		l.d.drop(context.WithoutCancel(ctx), g)
	}
}

// makeStandby makes the next generation, in the background, where something
// is live and none waits or is being made.
func (l *lane) makeStandby(ctx context.Context) {
	l.mu.Lock()
	needed := l.d.Standby && l.live != nil && l.standby == nil && !l.making && time.Since(l.noStandby) >= standbyPause
	l.making = l.making || needed
	l.mu.Unlock()
	if !needed {
		return
	}
	l.background.Go(func() {
		g, err := l.d.newStandby(ctx, l.s)
		if err == nil {
			l.keepStandby(ctx, g)
		}
		l.mu.Lock()
		l.making = false
		news := l.noStandby.IsZero()
		switch {
		case err == nil:
			l.noStandby = time.Time{}
		case !errors.Is(err, errShort):
			l.noStandby = time.Now()
		}
		l.mu.Unlock()
		if err != nil && ctx.Err() == nil && !errors.Is(err, errShort) && news {
			l.d.warn(l.s.Name, "no standby", err)
		}
	})
}

// standbyPause is how long no other attempt is made when one to make a standby
// has failed, unless a deploy goes well. What makes it fail is told once.
const standbyPause = 15 * time.Second

// errShort says that memory is short.
var errShort = errors.New("memory is short")

// newStandby makes a standby when nobody is waiting for a deploy: one at a
// time, and none while memory is short.
func (d *Deployer) newStandby(ctx context.Context, s Service) (*Generation, error) {
	if err := d.calm.enter(ctx); err != nil {
		return nil, err
	}
	defer d.calm.leave()
	if free, err := d.Available(); err == nil && free < d.Reserve+standbySize {
		return nil, fmt.Errorf("%w: %d MiB are available", errShort, free>>20)
	}
	t := &transaction{ctx: ctx}
	g := d.prepare(t, s)
	t.err = d.blame(t.err)
	return g, t.finish()
}

// standbySize is about what a booted guest without its service takes.
const standbySize = 32 << 20

// keepReserve gives up what can be done without while memory is short: first
// what is kept of failed deploys, then standbys, those of the services first
// that have not changed for longest. It makes standbys again that there is
// memory for.
func (d *Deployer) keepReserve(ctx context.Context) {
	free, err := d.Available()
	if err != nil {
		return // a kernel that does not say so is not asked again and again
	}
	if free >= d.Reserve+2*standbySize {
		for _, l := range d.all() {
			l.makeStandby(ctx)
		}
	}
	if free >= d.Reserve {
		return
	}
	if g := d.takeSpare(); g != nil {
		d.tell(Event{Kind: Warning, Service: g.Service, Reason: fmt.Sprintf("%s: %d MiB are available: gave up %s", errShort, free>>20, g.Name())})
		d.drop(ctx, g)
	}
}

// takeSpare takes out what can be done without soonest, or gives nil.
func (d *Deployer) takeSpare() *Generation {
	if g := d.kept.take(""); g != nil {
		return g // what failed first
	}
	var oldest *lane
	for _, l := range d.all() {
		if l.hasStandby() && (oldest == nil || l.current().Since.Before(oldest.current().Since)) {
			oldest = l
		}
	}
	if oldest == nil {
		return nil
	}
	return oldest.takeStandby()
}

func (l *lane) hasStandby() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.standby != nil && l.live != nil
}

// available gives the memory, in bytes, that can be had without swapping
// (proc(5), MemAvailable).
func available() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "MemAvailable:"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo does not say what is available")
}

// calm lets one at a time do what nobody waits for, while no deploy is under
// way.
type calm struct {
	mu      sync.Mutex
	deploys int
	inside  bool
}

// begin notes that a deploy is under way, and end that it is not any more.
func (c *calm) begin() { c.count(1) }
func (c *calm) end()   { c.count(-1) }

func (c *calm) count(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deploys += n
}

// enter waits for its turn.
func (c *calm) enter(ctx context.Context) error {
	for {
		c.mu.Lock()
		free := c.deploys == 0 && !c.inside
		c.inside = c.inside || free
		c.mu.Unlock()
		if free {
			return nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func (c *calm) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inside = false
}
