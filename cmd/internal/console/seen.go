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

// remember says whether it is the first line of its generation.
func (c *Console) remember(l deployer.Line) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.seen[l.Generation]
	lines = append(lines, l.Text)
	c.seen[l.Generation] = lines[max(0, len(lines)-mostSeen):]
	return len(lines) == 1
}

// unseen gives the last lines of a generation that failed, unless they have
// just been printed as its own: twice is no clearer than once.
func (c *Console) unseen(e deployer.Event) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen[e.Generation]
	delete(c.seen, e.Generation)
	n := len(e.Tail)
	if len(seen) == mostSeen {
		n = min(n, mostSeen) // what came before those is not known any more
	}
	if len(seen) >= n && slices.Equal(seen[len(seen)-n:], e.Tail[len(e.Tail)-n:]) {
		return nil
	}
	return e.Tail
}
