package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

const (
	// tolerance is how long a folder may be away or unreadable before that is
	// told. Builds remove and make folders, remounts take a moment.
	tolerance = 2 * time.Second
	// retry is how often a lane in trouble looks, at least.
	retry = time.Second
	// hanging is how long a call on the share may give no sign of progress
	// before that is told.
	hanging = 5 * time.Second
)

var errUnmounted = errors.New("is empty and on another filesystem than its files were: mount it again")

// errKeep says that it is the store, not the share, that fails.
var errKeep = errors.New("cannot keep a copy")

// aside runs a call that can hang on a goroutine of its own and waits for it
// to return, telling when it gives no sign of progress. It is false when the
// wait was given up; then what the call writes must not be read.
func (l *lane) aside(ctx context.Context, call func(beat func())) bool {
	done := make(chan struct{})
	var beats atomic.Int64
	l.busy.Add(1)
	l.calls.Go(func() {
		defer close(done)
		defer l.busy.Add(-1)
		call(func() { beats.Add(1) })
	})
	tick := time.NewTicker(l.options.hanging)
	defer tick.Stop()
	for last := int64(0); ; {
		select {
		case <-done:
			return true
		case <-ctx.Done():
			return false
		case <-tick.C:
			if n := beats.Load(); n != last {
				last = n
				continue
			}
			l.illSince = time.Now().Add(-l.options.tolerance)
			l.troubled(ctx, fmt.Errorf("%s does not answer", l.place.dir))
			if l.once {
				return false
			}
		}
	}
}

// troubled tells, once it has lasted for a while, why nothing can be seen.
// Whoever asked is answered at once.
func (l *lane) troubled(ctx context.Context, err error) (atLeast, atMost time.Duration) {
	reason := l.trouble(err)
	now := time.Now()
	if l.ill == "" && l.illSince.IsZero() {
		l.illSince = now
	}
	if reason != l.ill {
		l.ill, l.illTold = reason, false
	}
	l.hear() // meanwhile: a look can hang for long
	if l.owed {
		l.settler.away = true
		l.tell(ctx, Event{Kind: Refused, Reason: reason})
	}
	if !l.illTold && now.Sub(l.illSince) >= l.options.tolerance {
		l.illTold = true
		l.tell(ctx, Event{Kind: Degraded, Reason: reason})
	}
	if errors.Is(err, fs.ErrNotExist) { // in any mode, for a mount makes no hint
		l.leave(ctx, []spot{{name: l.place.dir}})
	}
	return breath, min(retry, l.options.Poll)
}

// recovered ends a trouble.
func (l *lane) recovered(ctx context.Context) {
	if l.illTold {
		l.tell(ctx, Event{Kind: Restored})
	}
	l.ill, l.illSince, l.illTold, l.illTake = "", time.Time{}, false, false
}

// trouble puts into words why nothing can be seen.
func (l *lane) trouble(err error) string {
	var errno unix.Errno
	if errors.Is(err, errKeep) && errors.As(err, &errno) { // without the name, which differs each time
		return fmt.Sprintf("%v in %s: %v; the last set stays", errKeep, show(l.options.Store), errno)
	}
	dir := show(l.place.dir)
	switch {
	case errors.Is(err, errUnmounted):
		return dir + " " + err.Error()
	case errors.Is(err, fs.ErrNotExist):
		return dir + " is not there; make it, or mount the share"
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return dir + " is not a folder, or is reached through a link; put a folder there"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, err.Error())
}
