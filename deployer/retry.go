package deployer

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// retry is a deploy that has failed for no fault of its artefacts. It is made again
// by itself, unless something newer has come: when a full disk clearly has more
// space (space.go), with the next build where another service of its own has
// failed, or after a pause where the machine was too slow. A service that is paused
// waits until it goes on.
type retry struct {
	request *request
	before  []Space     // what was free; nil: that was not why
	held    bool        // for another of its build
	timer   *time.Timer // nil: it does not go by the clock
}

// The pause after a call that was too slow. It doubles from one failure to the next.
const (
	retryFirst = 2 * time.Second
	retryMost  = time.Minute
)

// isLate says whether the machine was too slow to make a generation, or to start its
// service. A reload command that hangs in a switch is no matter of the machine, and
// what has to stop first is not stopped time and again.
func isLate(err error) bool {
	var step *stepError
	return errors.Is(err, ErrLate) && errors.As(err, &step) && !step.Stopped && step.Step != "switch"
}

// isOpen says whether a deploy that has failed so is made again by itself.
func isOpen(err error) bool {
	var held *heldBackError
	return errors.Is(err, unix.ENOSPC) || errors.As(err, &held) || isLate(err)
}

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
		l.dropFailed() // what is kept takes room
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

// tryAgain makes again what is due, unless a person wants nothing to be deployed. How
// long it had to wait is not counted.
func (l *loop) tryAgain(due func(*retry) bool) {
	if l.retry == nil || l.page.Paused || !due(l.retry) {
		return
	}
	r := l.retry.request
	r.seen = time.Time{}
	l.want(r)
}
