package watcher

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Looking at a file of a share costs a trip to its other side (12 µs through
// FUSE), so looking at thousands of files ten times a second heats the laptop.
// But what changes next is nearly always what changed last. So a lane that
// polls and has nothing to do
//
//	glances at the files that changed last, many times a second,
//	looks at all of its files as often as a small share of a core allows,
//
// and, once anything has changed anywhere, looks at all of them often for a
// while, since a build touches several.
const (
	fastLook    = 100 * time.Millisecond // between looks, while there is something to see
	fastGlance  = 50 * time.Millisecond
	slowGlance  = 250 * time.Millisecond
	stirred     = 5 * time.Second // how long there is something to see after a change
	lookShare   = 0.003           // of one core, for the looks of all lanes
	glanceShare = 0.002
	hotFiles    = 2 // that a lane glances at in turn
)

// every says how long to pause between two things that cost so much, if each
// of so many lanes does them and all together may take that share of the time.
func every(cost time.Duration, lanes int, share float64, least, most time.Duration) time.Duration {
	return min(max(time.Duration(float64(cost)*float64(lanes)/share), least), most)
}

// pace is what the lanes that poll share.
type pace struct {
	lanes int
	until atomic.Int64 // in Unix nanoseconds: until when there is something to see
}

func (p *pace) stir(now time.Time)      { p.until.Store(now.Add(stirred).UnixNano()) }
func (p *pace) busy(now time.Time) bool { return now.UnixNano() < p.until.Load() }

// mean is a running mean of what something costs.
type mean time.Duration

func (m *mean) add(d time.Duration) {
	if *m == 0 {
		*m = mean(d)
	}
	*m = (3**m + mean(d)) / 4
}

// hottest gives the files that changed last, by either time: a build may set
// the one of the content to anything.
func hottest(entries []entry) []entry {
	last := func(e entry) stamp { return maxStamp(e.mtime, e.ctime) }
	hot := slices.SortedFunc(slices.Values(entries), func(a, b entry) int { return last(b).compare(last(a)) })
	return hot[:min(hotFiles, len(hot))]
}

func maxStamp(a, b stamp) stamp {
	if a.compare(b) >= 0 {
		return a
	}
	return b
}

func (s stamp) compare(t stamp) int {
	return cmp.Or(cmp.Compare(s.sec, t.sec), cmp.Compare(s.nsec, t.nsec))
}

// idle waits until it is time to look at all files, a hint came, or a glance
// saw that one of the hot files is not what it was.
func (l *lane) idle(ctx context.Context, hot []entry) {
	began := time.Now()
	for turn := 0; ctx.Err() == nil; turn++ {
		now := time.Now()
		whole := every(time.Duration(l.lookCost), l.pace.lanes, lookShare, fastLook, l.options.Poll)
		if l.pace.busy(now) {
			whole = min(fastLook, l.options.Poll)
		}
		left := whole - now.Sub(began)
		if left <= 0 {
			return
		}
		glance := every(time.Duration(l.glanceCost), l.pace.lanes, glanceShare, fastGlance, slowGlance)
		timer := time.NewTimer(min(left, glance))
		select {
		case <-timer.C:
		case <-l.wake:
			timer.Stop()
			return
		case <-ctx.Done():
			timer.Stop()
			return
		}
		if len(hot) > 0 && l.changed(ctx, hot[turn%len(hot)]) {
			l.pace.stir(time.Now())
			return
		}
	}
}

// changed glances at one file. It goes by the file's name, links and all:
// whatever it sees is no more than a reason to look.
func (l *lane) changed(ctx context.Context, e entry) bool {
	began := time.Now()
	var now status
	var err error
	if !l.aside(ctx, func(func()) {
		now, err = stat(unix.AT_FDCWD, filepath.Join(l.place.dir, e.name), true)
	}) {
		return false
	}
	l.glanceCost.add(time.Since(began))
	return err != nil || now.fingerprint != e.fingerprint
}
