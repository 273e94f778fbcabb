package deployer

import (
	"context"
	"maps"
	"sync"
)

// garbage is what should be gone and is not, with the reason.
type garbage struct {
	mu   sync.Mutex
	left map[*Generation]string
}

func (b *garbage) add(g *Generation, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == nil {
		b.left = map[*Generation]string{}
	}
	b.left[g] = reason
}

func (b *garbage) remove(g *Generation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.left, g)
}

func (b *garbage) list() map[*Generation]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.left)
}

// of gives what is left of one service, by the container's name.
func (b *garbage) of(service string) map[string]string {
	left := map[string]string{}
	for g, reason := range b.list() {
		if g.Service == service {
			left[g.Name()] = reason
		}
	}
	return left
}

// mayLead is why something is not removed while the wiring is astray. It goes
// when that has been put right.
const mayLead = "names and ports may still lead there"

// sweep tries again to remove what could not be removed before, and tells what
// has become of it where that is news. What names and ports may lead to is left.
func (d *Deployer) sweep(ctx context.Context) {
	for g, reason := range d.garbage.list() {
		if d.wiring.isAstray(g.Service) {
			continue
		}
		err := d.discard(ctx, g, 0)
		switch {
		case err == nil:
			d.tell(retired(g, 0))
		case oneLine(err) != reason && ctx.Err() == nil:
			d.warn(g.Service, g.Name()+" cannot be removed yet", err)
		}
	}
}
