package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

const (
	// breath is the least time between two looks, for what may have moved can be
	// said thousands of times a second.
	breath = 5 * time.Millisecond
	// stillLooks is how many looks are taken in the time of Options.Settle: that
	// finds out sooner since when files are still.
	stillLooks = 5
	// retry is how often a service in trouble is looked at, at least.
	retry = time.Second
)

// state is what is known of a service, and when to look at it next. It changes
// by what looks and copies gave, and reads no clock and no file.
type state struct {
	folder
	options Options
	decider decider
	out     []Event // to be reported

	earliest, latest time.Time // of the next look, which is at latest unless something may have moved
	moved            bool      // something may have, since the last look began
	asked            bool      // for a Ready or Refused even if nothing has changed
	owed             bool      // asked before the last look, and not yet answered

	trouble trouble
	fs      filesystem // that the folder was on at the last look
	filled  uint64     // device that the folder was on when it had files
	limited error      // why it has to be polled although inotify should do
	spared  time.Time  // until then inotify is not tried again

	sound     Set     // the last one that was read to its end
	broken    refusal // of the bytes that were last found not to be whole
	readyOwed bool    // what was last reported as Ready was asked for

	recent  recent
	watch   *watch        // what is to be polled; nil: nothing
	last    *snapshot     // of the last look; nil: none yet
	began   time.Time     // of the last look
	cost    time.Duration // of a look
	changed time.Time     // when files were last seen to change; zero: not since the first look
}

func newState(s Service, m matcher, o Options, now time.Time) *state {
	return &state{
		folder:  folder{service: s, match: m, place: place{o.Root, filepath.Clean(s.Dir)}, mode: o.Mode, store: o.Store},
		options: o, earliest: now, latest: now,
		decider: decider{service: s, settle: o.Settle, patience: o.Patience},
	}
}

// next gives when to look.
func (s *state) next() time.Time {
	if s.moved {
		return s.earliest
	}
	return s.latest
}

// begin says that a look begins, and gives what it needs.
func (s *state) begin(now time.Time) before {
	s.began, s.moved = now, false
	s.hear()
	if s.watch != nil {
		s.watch.spent = true
	}
	return before{fs: s.fs, spare: now.Before(s.spared)}
}

// hear takes note of who has asked.
func (s *state) hear() {
	s.owed, s.asked = s.owed || s.asked, false
}

// pause sets when to look next: not before atLeast, and then when something may
// have moved, or at atMost.
func (s *state) pause(now time.Time, atLeast, atMost time.Duration) {
	s.earliest, s.latest = now.Add(atLeast), now.Add(max(atLeast, atMost))
}

// looked takes in what a look gave. It gives what is to be copied, nil if
// nothing is.
func (s *state) looked(now time.Time, seen view, err error) *wish {
	if err != nil {
		s.troubled(now, err)
		return nil
	}
	s.fs = seen.fs
	if !seen.spare {
		s.limited = seen.limited
	}
	if seen.limited != nil {
		s.spared = now.Add(s.options.Rescan)
	}
	if len(seen.entries) > 0 {
		s.filled = seen.fs.dev
	} else if seen.problem == "" && s.filled != 0 && s.filled != seen.fs.dev {
		s.troubled(now, errUnmounted)
		return nil
	}
	if !s.trouble.copying {
		s.recovered()
	}
	s.cost = mean(s.cost, now.Sub(s.began))
	if s.last != nil && s.recent.note(*s.last, seen.snapshot) {
		s.changed = now
	}
	s.last = &seen.snapshot

	// At most half of the time goes into looking, however slow the share is; one
	// that hung and answers again is looked at soon.
	pace := max(breath, min(now.Sub(s.began), s.options.Poll))
	step := s.decider.next(now, seen.snapshot, s.owed)
	s.report(step.events...)
	switch step.do {
	case take:
		return &wish{seen: seen, since: s.decider.since, final: step.final, sound: s.sound, unsound: s.broken}
	case wait:
		s.wait(now, pace, step.wait, seen.polls)
	default:
		s.recovered()
		s.rest(now, pace, seen)
	}
	return nil
}

// wait pauses for at most so long, until the files are still.
func (s *state) wait(now time.Time, pace, most time.Duration, polls bool) {
	switch atLeast := max(pace, min(most, s.options.Settle/stillLooks)); {
	case most <= s.options.Settle:
		s.pause(now, atLeast, atLeast)
	case most <= 5*s.options.Patience: // somebody is writing
		s.pause(now, max(pace, minCheck), max(pace, minCheck))
	default:
		s.pause(now, atLeast, min(most, s.interval(polls)))
	}
}

// interval is how often to look where nobody says that something has moved.
func (s *state) interval(polls bool) time.Duration {
	if polls {
		return min(minScan, s.options.Poll)
	}
	return s.options.Rescan
}

// rest pauses until something may have moved. What has to be polled is left to
// the poller.
func (s *state) rest(now time.Time, pace time.Duration, seen view) {
	switch {
	case !seen.polls:
		s.watch = nil
	case s.poll(s.recent.paths(s.place.dir, s.service.Runs, seen.snapshot)):
		s.pause(now, pace, s.options.Poll)
		return
	}
	s.pause(now, pace, s.interval(seen.polls))
}

// poll has paths polled. It is false where looks are as frequent anyway.
func (s *state) poll(paths []knownPath) bool {
	if s.options.Poll <= minScan {
		return false
	}
	s.watch = &watch{
		service: s.service.Name, dev: s.fs.dev, paths: paths,
		scanned: s.began, cost: s.cost, changed: s.changed,
	}
	return true
}

// copied takes in what a copy came to.
func (s *state) copied(now time.Time, w wish, f found, err error) {
	var unfit *unfitError
	switch {
	case errors.Is(err, errMoved):
		s.decider.moved(now)
		s.pause(now, s.options.Settle, s.options.Settle)
		return
	case errors.As(err, &unfit):
		f.reason = unfit.reason
	case err != nil:
		s.trouble.copying = true
		s.troubled(now, err)
		return
	}
	s.recovered()
	if f.reason == "" && f.set.Reading == nil {
		s.sound = f.set
	}
	s.report(s.decider.conclude(f, w.final, s.owed)...)
	s.pause(now, breath, breath) // the next look finds out how long to rest
}

// read takes in what reading a set to its end came to.
func (s *state) read(now time.Time, set Set, err error) {
	switch {
	case err == nil:
		s.sound = set
	case errors.Is(err, ErrUnsound):
		s.broken = refusal{strings.TrimPrefix(err.Error(), ErrUnsound.Error()+": "), set.ID}
		if events := s.decider.unsound(set); events != nil {
			s.report(events...)
			s.owed = s.owed || s.readyOwed
			s.pause(now, breath, breath)
		}
	}
}

// troubled reports, once it has lasted for a while, why nothing can be seen.
// Whoever asked is answered at once.
func (s *state) troubled(now time.Time, err error) {
	reason, tolerance := explain(err, s.place.dir, s.store), s.options.tolerance
	if errors.Is(err, fs.ErrNotExist) && s.filled != 0 { // a build may be making it anew
		tolerance *= 5
	}
	report := s.trouble.note(reason, now, tolerance)
	s.hear() // meanwhile: a look can hang for long
	if s.owed {
		s.decider.away = true
		s.report(Event{Kind: Refused, Reason: reason})
	}
	if report {
		s.report(Event{Kind: Degraded, Reason: reason})
	}
	if errors.Is(err, fs.ErrNotExist) { // in any mode, for a mount makes no event
		s.decider.none(now)
		s.poll([]knownPath{{name: s.place.dir}})
	}
	s.pause(now, breath, min(retry, s.options.Poll))
}

// hung takes in that a look or a copy gives no sign of progress.
func (s *state) hung(now time.Time) {
	s.trouble.since = now.Add(-s.options.tolerance)
	s.troubled(now, fmt.Errorf("%s does not answer", s.place.dir))
}

// recovered ends a trouble.
func (s *state) recovered() {
	if s.trouble.reported {
		s.report(Event{Kind: Restored})
	}
	s.trouble = trouble{}
}

// report adds events of this service, and takes note of answers.
func (s *state) report(events ...Event) {
	for _, e := range events {
		e.Service = s.service.Name
		s.out = append(s.out, e)
		if e.Kind == Ready || e.Kind == Refused {
			s.readyOwed, s.owed = e.Kind == Ready && s.owed, false
		}
	}
}
