package deployer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jarloop/jarloop/deployer/history"
)

// amend changes what is remembered. What cannot be written stops no deploy.
func (l *loop) amend(do func(*history.Page)) {
	if err := l.write(do); err != nil {
		l.sayWarning("history not written", err)
	}
}

// write changes what is remembered, or nothing.
func (l *loop) write(do func(*history.Page)) error {
	var next history.Page
	err := l.History.Amend(l.name, func(p *history.Page) {
		do(p)
		next = *p
		next.Entries = slices.Clone(p.Entries) // which is still cut to size
	})
	if errors.Is(err, history.ErrDamaged) {
		l.sayWarning("it is begun anew", err)
		err = nil
	}
	if err == nil {
		l.page = next
	}
	return err
}

// remember writes down what became of a deploy, and drops the sets that nobody
// can go back to any more.
func (l *loop) remember(e Event) {
	outcome, told := map[Kind]history.Outcome{
		WentLive: history.Live, Adopted: history.Live, Failed: history.Failed, Back: history.Back,
	}[e.Kind]
	if !told || e.Kind == Adopted && l.known(e.Set) {
		return
	}
	l.amend(func(p *history.Page) {
		p.Entries = append(p.Entries, history.Entry{
			Time: time.Now(), Generation: e.Generation, Set: e.Set, Outcome: outcome, Reason: e.Reason, Took: e.Took,
			Steps: e.Steps, Step: e.Step,
		})
	})
	if outcome != history.Failed {
		l.pruneSets(e.Set)
	}
}

// known says whether it is remembered that the set was live.
func (l *loop) known(set string) bool { return slices.Contains(l.page.Good(), set) }

// pruneSets drops the sets that nobody can go back to any more.
func (l *loop) pruneSets(live string) {
	good := l.page.Good()
	if len(good) == 0 {
		return // not known at the moment
	}
	keep := map[string]bool{live: true, l.seen.ID: true}
	if l.page.Pin != nil { // not live yet
		keep[l.page.Pin.Set] = true
	}
	for _, id := range good[max(0, len(good)-l.KeepSets):] {
		keep[id] = true
	}
	l.task(func(ctx context.Context) message {
		if err := l.Sets.Prune(l.name, keep); err != nil && ctx.Err() == nil {
			l.warn(l.name, "old sets not removed", err)
		}
		return nil
	})
}
