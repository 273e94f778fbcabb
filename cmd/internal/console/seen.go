package console

import (
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

// mostSeen is how many lines of a generation are remembered: a stack trace and
// a little more.
const mostSeen = 100

func (c *Console) forget(generation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.seen, generation)
}

func (c *Console) remember(l deployer.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.seen[l.Generation]
	lines = append(lines, l.Text)
	c.seen[l.Generation] = lines[max(0, len(lines)-mostSeen):]
}

// unseen gives the last lines of a generation that failed, unless they have
// just been printed as its own: twice is no clearer than once.
func (c *Console) unseen(e deployer.Event) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen[e.Generation]
	delete(c.seen, e.Generation)
	if len(seen) >= len(e.Tail) && slices.Equal(seen[len(seen)-len(e.Tail):], e.Tail) {
		return nil
	}
	return e.Tail
}
