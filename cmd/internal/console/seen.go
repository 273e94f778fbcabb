package console

import (
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

// mostSeen is how many lines of a generation are remembered: a stack trace and
// a little more.
const mostSeen = 100

// seen is what each generation has printed last.
type seen map[string][]string

// remember says whether it is the first line of its generation.
func (s seen) remember(l deployer.Line) (first bool) {
	lines := s[l.Generation]
	lines = append(lines, l.Text)
	s[l.Generation] = lines[max(0, len(lines)-mostSeen):]
	return len(lines) == 1
}

// unseen gives the last lines of a generation that failed, unless they have
// just been printed as its own: twice is no clearer than once. It forgets them.
func (s seen) unseen(e deployer.Event) []string {
	seen := s[e.Generation]
	delete(s, e.Generation)
	n := len(e.Tail)
	if len(seen) == mostSeen {
		n = min(n, mostSeen) // what came before those is not known any more
	}
	if len(seen) >= n && slices.Equal(seen[len(seen)-n:], e.Tail[len(e.Tail)-n:]) {
		return nil
	}
	return e.Tail
}
