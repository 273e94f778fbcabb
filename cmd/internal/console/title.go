package console

import (
	"context"
	"os"
	"path"
	"slices"
)

// Orders of xterm that other terminals have taken over. A title is set by OSC 2
// and ended by ST: BEL would do, and ring where OSC is not known.
const (
	saveTitle    = "\x1b[22;2t"
	restoreTitle = "\x1b[23;2t"
	beginTitle   = "\x1b]2;"
	endTitle     = "\x1b\\"
)

// title is the few words above the terminal's window.
type title struct {
	can   bool          // the terminal has one
	taken bool          // it is ours for now
	kept  bool          // by KeepTitle
	shown string        // last
	news  chan struct{} // holds one: something has been told since
}

// untitled are the names of terminals that have no title, as patterns: they show
// the order as text, or did for long.
var untitled = []string{"", "dumb*", "linux*", "vt[0-9]*", "ansi*", "cons*", "eterm*"}

// hasTitle says whether a terminal can be given a title.
func hasTitle(term string) bool {
	return !slices.ContainsFunc(untitled, func(pattern string) bool {
		matches, err := path.Match(pattern, term)
		return matches || err != nil
	})
}

// Untitled leaves the terminal its own title. It is called before TakeTitle.
func (c *Console) Untitled() { c.title.can = false }

// TakeTitle saves the title of the terminal, if it has one, and shows another
// until giveBack is called.
func (c *Console) TakeTitle() (giveBack func()) {
	c.mu.Lock()
	c.title.taken = c.title.can
	if c.title.taken {
		c.write(saveTitle)
	}
	c.mu.Unlock()
	c.entitle("starting")
	return func() {
		// Where the terminal has no memory for titles, this one stays.
		c.entitle("stopped")
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.title.taken {
			c.write(restoreTitle)
		}
		c.title.taken = false
	}
}

// KeepTitle keeps the title true until ctx ends: whenever something has been
// told, words is asked what it is to be. It may block.
func (c *Console) KeepTitle(ctx context.Context, words func() string) {
	c.mu.Lock()
	taken := c.title.taken
	c.title.kept = taken
	c.mu.Unlock()
	if !taken {
		return
	}
	for {
		c.entitle(words())
		select {
		case <-c.title.news:
		case <-ctx.Done():
			return
		}
	}
}

// news says that something has been told.
func (c *Console) news() {
	select {
	case c.title.news <- struct{}{}:
	default: // that is known
	}
}

// entitle shows a title.
func (c *Console) entitle(words string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text := "jarloop: " + plain(words); c.title.taken && text != c.title.shown {
		c.title.shown = text
		c.write(beginTitle + text + endTitle)
	}
}

func newTitle(person bool) title {
	return title{can: person && hasTitle(os.Getenv("TERM")), news: make(chan struct{}, 1)}
}
