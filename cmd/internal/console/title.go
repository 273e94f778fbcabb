package console

import (
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
	news  chan struct{} // holds one: something has been shown since
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

// changed says that something has been shown since.
func (t *title) changed() {
	select {
	case t.news <- struct{}{}:
	default: // that is known
	}
}

// show shows other words, if the title is ours.
func (t *title) show(s *screen, words string) {
	if text := "jarloop: " + plain(words); t.taken && text != t.shown {
		t.shown = text
		_ = s.write(entry{text: beginTitle + text + endTitle})
	}
}

func newTitle(person bool) title {
	return title{can: person && hasTitle(os.Getenv("TERM")), news: make(chan struct{}, 1)}
}
