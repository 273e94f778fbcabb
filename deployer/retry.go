package deployer

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// The pause after a call that was too slow. It doubles from one failure to the next.
const (
	retryFirst = 2 * time.Second
	retryMost  = time.Minute
)

// tryLater has a deploy that has failed made again, if that is of use, and says when.
func (l *loop) tryLater(m deployEnded) string {
	if l.wanted != nil || !isOpen(m.err) || l.gone {
		return ""
	}
	r := m.attempt.request
	next := &retry{request: r}
	var held *heldBackError
	when := ""
	switch {
	case errors.Is(m.err, unix.ENOSPC):
		next.before = m.attempt.before
		when = "; it is tried again when there is more room"
		l.drop(&l.failed) // what is kept takes room
	case errors.As(m.err, &held):
		next.held = true
	default:
		r.pause = min(max(retryFirst, 2*r.pause), retryMost)
		next.timer = time.AfterFunc(r.pause, func() { l.box.put(retryLate{next}) })
		when = fmt.Sprintf("; it is tried again in %s", r.pause)
	}
	l.dropRetry()
	l.retry = next
	return when
}

// dropRetry gives up what was to be made again.
func (l *loop) dropRetry() {
	if l.retry != nil && l.retry.timer != nil {
		l.retry.timer.Stop()
	}
	l.retry = nil
}
