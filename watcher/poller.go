package watcher

import (
	"context"
	"slices"
	"time"
)

// poller is the source for shares whose other side inotify cannot see. It says
// that a service's folder may have moved when one of a few paths is not as it
// was, or when it is time to look at all of it. All of it belongs to the loop:
// it plans rounds of quick checks, of which the loop runs one at a time for each
// filesystem, apart from itself, since a share can hang.
//
//	         watch              round               check
//	at rest ───────▶ poller ────────────▶ (apart) ───────▶ share
//	                   │ ▲ finished          │ changed
//	     time to scan  ▼ └───────────────────┤
//	               may have moved ◀──────────┘
//
// That a service is looked at at least every Options.Poll does not depend on it.
type poller struct {
	poll    time.Duration // Options.Poll
	watches map[string]*watch
	devices map[uint64]*device // by device
	changed time.Time          // of any service's files; zero: not seen
}

// watch is what is to be polled of a service at rest. Only spent changes.
type watch struct {
	service string
	dev     uint64 // of the filesystem, 0 while there is none
	paths   []knownPath
	scanned time.Time     // begin of the last scan
	cost    time.Duration // of a scan
	changed time.Time     // of the service's files; zero: not seen
	spent   bool          // the service is looked at, so there is nothing to check
}

// device is what is polled on one filesystem.
type device struct {
	recent, others rhythm
	round          *round    // under way
	next           time.Time // when there is something to do; zero: when the round is over
}

// rhythm is when watches of one kind are checked.
type rhythm struct {
	cost time.Duration // of a round, a moving mean
	due  time.Time     // of the next round
}

// round is a round of quick checks.
type round struct {
	dev      uint64
	paths    []knownPath
	services []string // whose paths these are
	began    time.Time
	rhythm   *rhythm
	interval func(cost time.Duration) time.Duration // until the next, if one costs so much
}

func newPoller(poll time.Duration) *poller {
	return &poller{poll: poll, watches: make(map[string]*watch), devices: make(map[uint64]*device)}
}

// set makes w what is polled of a service from now on; nil: nothing.
func (p *poller) set(service string, w *watch, now time.Time) {
	if w == p.watches[service] {
		return
	}
	delete(p.watches, service)
	if w == nil {
		return
	}
	p.watches[service] = w
	if p.devices[w.dev] == nil {
		first := rhythm{due: now.Add(minCheck)}
		p.devices[w.dev] = &device{recent: first, others: first}
	}
	p.devices[w.dev].plan()
}

// on gives the watches on a device, those scanned the longest ago first.
func (p *poller) on(dev uint64) []*watch {
	var all []*watch
	for _, w := range p.watches {
		if w.dev == dev {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b *watch) int { return a.scanned.Compare(b.scanned) })
	return all
}

// divide gives the few watches whose files have changed last, the newest first,
// and the others: who develops builds the same few services again and again.
func divide(watches []*watch, now time.Time) (recent, others []*watch) {
	for _, w := range watches {
		if within(since(w.changed, now), recentFor) {
			recent = append(recent, w)
		} else {
			others = append(others, w)
		}
	}
	slices.SortFunc(recent, func(a, b *watch) int { return b.changed.Compare(a.changed) })
	few := min(maxRecent, len(recent))
	return recent[:few], append(others, recent[few:]...)
}

// plan finds out when the next round is due.
func (s *device) plan() {
	if s.round == nil {
		s.next = earlier(s.recent.due, s.others.due)
	}
}

// next gives when to call due, zero while there is no need.
func (p *poller) next() (at time.Time) {
	for _, s := range p.devices {
		at = earlier(at, s.next)
	}
	return at
}

// due gives the services that it is time to look at, and the rounds to run.
func (p *poller) due(now time.Time) (moved []string, rounds []*round) {
	for dev, s := range p.devices {
		if s.next.IsZero() || now.Before(s.next) {
			continue
		}
		watches := p.on(dev)
		if s.round != nil { // for so long that the share may hang
			s.next = time.Time{}
			for _, w := range watches {
				moved = append(moved, w.service)
			}
			continue
		}
		if len(watches) == 0 {
			delete(p.devices, dev)
			continue
		}
		recent, others := divide(watches, now)
		if len(recent) == 0 {
			s.recent = rhythm{due: now.Add(maxCheck)}
		}
		r := &round{dev: dev, began: now}
		switch {
		case !now.Before(s.recent.due):
			watches, r.rhythm = recent, &s.recent
			r.interval = func(cost time.Duration) time.Duration { return recentInterval(cost, since(recent[0].changed, now)) }
		case !now.Before(s.others.due):
			watches, r.rhythm = others, &s.others
			r.interval = func(cost time.Duration) time.Duration { return checkInterval(cost, since(p.changed, now)) }
		default:
			s.plan()
			continue
		}
		s.round, s.next = r, now.Add(stuck)
		moved = append(moved, p.fill(r, watches, now)...)
		if len(r.paths) == 0 {
			p.finished(r, 0)
		} else {
			rounds = append(rounds, r)
		}
	}
	return moved, rounds
}

// fill has a round check the watches, but those that it is time to scan: these
// it gives. They are spread over rounds, lest after a change those of all
// services hold up the one that matters.
func (p *poller) fill(r *round, watches []*watch, now time.Time) (moved []string) {
	left := time.Duration(scanMoreShare * float64(minScan))
	for _, w := range watches {
		if w.spent {
			continue
		}
		if left > 0 && now.Sub(w.scanned) >= p.scanInterval(w, now) {
			left -= w.cost
			w.spent = true
			moved = append(moved, w.service)
			continue
		}
		r.paths, r.services = append(r.paths, w.paths...), append(r.services, w.service)
	}
	return moved
}

// check looks at the paths of a round, and says which are not as they were. It
// can hang.
func (r *round) check(ctx context.Context, moved func(path string)) (took time.Duration) {
	began := time.Now()
	for _, p := range r.paths {
		if ctx.Err() != nil {
			break
		}
		if p.changed() {
			moved(p.name)
		}
	}
	return time.Since(began)
}

// finished plans the next round of a kind when one is over that took so long. At
// least half of the time is spent at rest, unless the share hung.
func (p *poller) finished(r *round, took time.Duration) {
	r.rhythm.cost = mean(r.rhythm.cost, took)
	r.rhythm.due = r.began.Add(max(took+min(stuck, took), r.interval(r.rhythm.cost)))
	s := p.devices[r.dev]
	s.round = nil
	s.plan()
}

// scanInterval gives the time between two scans of a service.
func (p *poller) scanInterval(w *watch, now time.Time) time.Duration {
	return budget{
		cost: w.cost, services: len(p.watches),
		changed: since(w.changed, now), others: since(p.changed, now),
	}.scanInterval(minScan, p.poll)
}

// earlier gives the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
