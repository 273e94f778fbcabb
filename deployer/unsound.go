package deployer

import (
	"context"
	"errors"

	"github.com/jarloop/jarloop/watcher"
)

// unsoundTime bounds the wait for the reading of what has failed already: by far
// more than the largest artefacts that are taken need.
const unsoundTime = 5 * undoTime

// read is the step that waits until the artefacts have been read to their end,
// where that still goes on.
func (j job) read(all *steps) {
	if j.set.Reading != nil {
		all.do("read", j.set.Reading.Wait, nil)
	}
}

// explainUnsound gives as the reason that the artefacts are not whole, if so: what
// failed may have failed because of that. Else it is explainFull.
func (s *shop) explainUnsound(ctx context.Context, j job, err error) error {
	if !givenUp(err) {
		ctx, cancel := context.WithTimeout(ctx, unsoundTime)
		defer cancel()
		if why := j.set.Reading.Wait(ctx); errors.Is(why, watcher.ErrUnsound) {
			return why
		}
	}
	return s.explainFull(ctx, err)
}

// handleUnsound gives up what has proven not to be whole. Its files are awaited.
func (l *loop) handleUnsound(m unsound) {
	l.handleChanged()
	if l.retry != nil && l.retry.request.set.ID == m.set {
		l.dropRetry()
	}
	if r := l.wanted; r != nil && r.set.ID == m.set {
		l.wanted = nil
		l.awaitWhole(r)
		l.answer(r, Result{Err: watcher.ErrUnsound})
	}
	if a := l.attempt; a != nil && a.request.set.ID == m.set {
		a.cancel(watcher.ErrUnsound)
	}
}

// awaitWhole has those who asked for a set that is not whole wait for what becomes
// of its files, where these are the newest.
func (l *loop) awaitWhole(r *request) {
	l.newest = Newest{}
	if l.live != nil {
		l.newest.Set = l.live.Set
	}
	if l.seen.ID == r.set.ID && !l.gone && !l.over() {
		l.asked = append(l.asked, r.done...)
		r.done = nil
	}
}
