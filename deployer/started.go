package deployer

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/jarloop/jarloop/deployer/history"
)

// addStart says why what has gone live was started as its command says: once, and
// where a person may want it to be otherwise.
func (l *loop) addStart(e *Event, g *Generation) {
	why := ""
	if g.Start != nil {
		why = g.Start.Plain
	}
	if why == l.plainly {
		return
	}
	l.plainly = why
	if why == "" || why == string(notWanted) || why == string(nothingToShare) {
		return
	}
	if e.Reason != "" {
		e.Reason += "; "
	}
	e.Reason += "started as java -jar, not faster: " + why
}

// lookTaken finds out whether the JVM of what is live takes classes from the archive
// that it was given.
func (l *loop) lookTaken(g *Generation) {
	if g.Start == nil || g.Start.Archive == "" || g.Start.Taken != nil {
		return
	}
	l.task(func(ctx context.Context) message {
		mapped, err := l.Engine.Mapped(ctx, g.Name())
		if err != nil {
			return nil // it has ended, which others report
		}
		taken := slices.Contains(mapped, g.Start.Archive)
		if !taken {
			l.sharing.reject(ctx, g.Start.Archive)
		}
		return archiveSeen{g.Name(), taken}
	})
}

// handleArchiveSeen notes it, and says so where the archive is of no use.
func (l *loop) handleArchiveSeen(m archiveSeen) {
	if l.live.Name() != m.name {
		return
	}
	next, start := *l.live, *l.live.Start
	start.Taken = &m.taken
	next.Start, l.live = &start, &next
	if !m.taken {
		l.say(Event{Kind: Warning, Service: l.name, Generation: m.name,
			Reason: "its JVM has not taken classes from the archive, which is removed: another one is made"})
	}
}

// learn takes up what a deploy has found out.
func (l *loop) learn(m *startMemory) {
	if m == nil {
		return
	}
	l.starts = *m
	kept := m.known
	kept.Libraries = nil // they are read anew
	rule, err := json.Marshal(kept)
	if err != nil {
		panic(err) // strings and numbers marshal
	}
	if next := (history.Start{Rule: rule, Failed: m.failed, Why: m.why}); !next.Equal(l.page.Start) {
		l.amend(func(p *history.Page) { p.Start = next })
	}
}
