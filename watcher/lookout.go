package watcher

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// stuck is how long a round of glances may take before the lanes concerned
// look for themselves, and so find out that the share hangs.
const stuck = time.Second

// lookout watches for the lanes that are at rest and have to poll. It wakes one
// whose spots are not as they were or whose scan is due. One goroutine glances
// for all lanes on one filesystem, so that being idle costs few wake-ups, and
// a share that hangs holds up no other.
//
//	      leave (spots, cost)             again and again
//	lane ─────────────────────▶ lookout ─────────────────▶ share
//	  ▲                            │ changed, or due
//	  └────────── poke ────────────┘
//
// That a lane looks at least every Options.Poll does not depend on it.
type lookout struct {
	poll  time.Duration
	calls *sync.WaitGroup // that the goroutines belong to

	mu      sync.Mutex
	posts   map[*lane]*post
	shares  map[uint64]bool // devices with a goroutine
	changed time.Time       // of any service's files; zero: not seen
}

// post is what a lane leaves to be watched. Only woken changes after that.
type post struct {
	lane    *lane
	dev     uint64 // of the filesystem, 0 while there is none
	spots   []spot
	scanned time.Time     // begin of the last scan
	cost    time.Duration // of a scan
	changed time.Time     // of the service's files; zero: not seen
	woken   atomic.Bool
}

func newLookout(poll time.Duration, calls *sync.WaitGroup) *lookout {
	return &lookout{poll: poll, calls: calls, posts: make(map[*lane]*post), shares: make(map[uint64]bool)}
}

// leave has a post watched until ctx ends or the lane leaves another or none.
// The lane is woken for it once.
func (o *lookout) leave(ctx context.Context, p *post) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.posts[p.lane] = p
	if !o.shares[p.dev] {
		o.shares[p.dev] = true
		o.calls.Go(func() { o.watch(ctx, p.dev) })
	}
}

// gone says that a lane relies on the lookout no longer.
func (o *lookout) gone(l *lane) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.posts, l)
}

// stir says that files of some service have changed.
func (o *lookout) stir(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changed = now
}

// watch glances for the lanes on one filesystem until there is none.
func (o *lookout) watch(ctx context.Context, dev uint64) {
	guard := time.AfterFunc(stuck, func() { o.wake(dev) })
	guard.Stop()
	timer := time.NewTimer(glance)
	defer timer.Stop()
	var lately, others rhythm
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		posts, ok := o.on(dev)
		if !ok {
			return
		}
		changed, rest := divide(posts, began)
		guard.Reset(stuck)
		if len(changed) > 0 {
			lately.turn(began, func() { o.round(ctx, changed, began) }, func(cost time.Duration) time.Duration {
				return eager(cost, since(changed[0].changed, began))
			})
		} else {
			lately = rhythm{due: began.Add(drowsy)}
		}
		others.turn(began, func() { o.round(ctx, rest, began) }, func(cost time.Duration) time.Duration {
			return o.pause(cost, began)
		})
		guard.Stop()
		timer.Reset(max(min(stuck, time.Since(began)), min(time.Until(lately.due), time.Until(others.due))))
	}
}

// rhythm is when posts of one kind are glanced at.
type rhythm struct {
	cost time.Duration // of a round, a moving mean
	due  time.Time     // of the next round
}

// turn makes a round if it is due. pause gives the time between two that cost
// so much each; at least half of it is spent at rest, unless the share hung.
func (r *rhythm) turn(now time.Time, round func(), pause func(cost time.Duration) time.Duration) {
	if now.Before(r.due) {
		return
	}
	began := time.Now()
	round()
	took := time.Since(began)
	r.cost = mean(r.cost, took)
	r.due = began.Add(max(took+min(stuck, took), pause(r.cost)))
}

// divide gives the few posts whose files have changed last, the newest first,
// and the others: who develops builds the same few services again and again.
func divide(posts []*post, now time.Time) (changed, rest []*post) {
	for _, p := range posts {
		if recent(since(p.changed, now), remembered) {
			changed = append(changed, p)
		} else {
			rest = append(rest, p)
		}
	}
	slices.SortFunc(changed, func(a, b *post) int { return b.changed.Compare(a.changed) })
	few := min(maxLately, len(changed))
	return changed[:few], append(rest, changed[few:]...)
}

// on gives the posts on a device, those scanned the longest ago first. It is
// false, and the device's goroutine is to end, when there is none.
func (o *lookout) on(dev uint64) ([]*post, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var posts []*post
	for _, p := range o.posts {
		if p.dev == dev {
			posts = append(posts, p)
		}
	}
	if len(posts) == 0 {
		delete(o.shares, dev)
		return nil, false
	}
	slices.SortFunc(posts, func(a, b *post) int { return a.scanned.Compare(b.scanned) })
	return posts, true
}

// round wakes the lanes whose scan is due or whose spots have changed. Scans
// that are due are spread over rounds, lest after a change those of all
// services hold up the one that matters.
func (o *lookout) round(ctx context.Context, posts []*post, now time.Time) {
	left := time.Duration(stirredShare * float64(quick))
	for _, p := range posts {
		if ctx.Err() != nil {
			return
		}
		if p.woken.Load() {
			continue
		}
		due := left > 0 && now.Sub(p.scanned) >= o.due(p, now)
		if due {
			left -= p.cost
		}
		p.lane.busy.Add(1)
		if due || slices.ContainsFunc(p.spots, spot.changed) {
			p.wake()
		}
		p.lane.busy.Add(-1)
	}
}

// wake wakes the lane, once.
func (p *post) wake() {
	if !p.woken.Swap(true) {
		p.lane.poke()
	}
}

// due gives the time between two scans of a lane.
func (o *lookout) due(p *post, now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return budget{
		cost: p.cost, lanes: len(o.posts),
		changed: since(p.changed, now), others: since(o.changed, now),
	}.scans(quick, o.poll)
}

// pause gives the time between two rounds.
func (o *lookout) pause(cost time.Duration, now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return glances(cost, since(o.changed, now))
}

// wake lets all lanes of a device look for themselves.
func (o *lookout) wake(dev uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.posts {
		if p.dev == dev {
			p.wake()
		}
	}
}

// since is the time from then to now, negative if then never was.
func since(then, now time.Time) time.Duration {
	if then.IsZero() {
		return -1
	}
	return max(0, now.Sub(then))
}

// mean takes a new measure into a moving mean. One that is far longer says that
// the share hung for once, and counts as twice the mean.
func mean(of, took time.Duration) time.Duration {
	if of == 0 {
		return min(stuck, took)
	}
	return of + (min(2*of, took)-of)/4
}
