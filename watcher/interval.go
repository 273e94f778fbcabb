package watcher

import "time"

// How often a share is polled. A service's few recently changed files and its
// folder are checked quickly five to a hundred times a second, the more often
// the later they changed; all of its files are scanned as often as the budget
// allows, and at least every Options.Poll. Through FUSE a look at one file costs
// some 12 µs, so 2,000 files ten times a second took a quarter of a core. The
// shares are of one core's time.
const (
	// stuck is how long a round of quick checks may take before all services
	// concerned are looked at, which finds out that the share hangs.
	stuck = time.Second
	// minCheck is the least time between two rounds of quick checks, minRecent
	// that of those at what changed recently, maxCheck the most when nothing has
	// changed for busyFor.
	minCheck  = 20 * time.Millisecond
	minRecent = 10 * time.Millisecond
	maxCheck  = 200 * time.Millisecond
	busyFor   = 20 * time.Second
	// minScan is the most time between two rounds before that, and the least
	// between two scans of a service that has nothing to wait for.
	minScan = 100 * time.Millisecond
	// recentFor is how long the maxRecent services that changed last are checked
	// apart from the others, and more often.
	recentFor = recentPart * maxCheck
	maxRecent = 4
	// recentPart: what polling adds until a change is noticed is at most one part
	// in so many of the time since the change before, half of that on average.
	recentPart = 2000
	// scanMoreFor is how long after a change all services are scanned more often:
	// one build writes the files of many.
	scanMoreFor = 4 * time.Second

	checkShare    = 0.003 // of all quick checks on one share
	busyShare     = 0.02  // of them within busyFor of a change: who builds one service builds another
	recentShare   = 0.01  // of those at what changed recently
	scanShare     = 0.003 // of the scans of all services that are polled
	scanMoreShare = 0.05  // of them shortly after a change
)

// every gives how long to wait between the beginnings of two rounds that cost
// so much each, so that they take no more than a share of one core's time; but
// not less than least and not more than most.
func every(cost time.Duration, share float64, least, most time.Duration) time.Duration {
	return max(least, min(most, time.Duration(float64(cost)/share)))
}

// budget is what the time between two scans of a service at rest depends on.
type budget struct {
	cost     time.Duration // of one scan
	services int           // that the budget is for
	changed  time.Duration // since the service's files were last seen to change; negative: never
	others   time.Duration // since any service's were; negative: never
}

// scanInterval gives the time between two scans of a service at rest.
func (b budget) scanInterval(least, most time.Duration) time.Duration {
	switch {
	case within(b.changed, scanMoreFor):
		return every(b.cost, scanMoreShare, least, most)
	case within(b.others, scanMoreFor):
		return every(b.cost*time.Duration(b.services), scanMoreShare, least, most)
	}
	return every(b.cost*time.Duration(b.services), scanShare, least, most)
}

// checkInterval gives the time between two rounds of quick checks that cost so
// much each; changed is the time since any service changed.
func checkInterval(cost, changed time.Duration) time.Duration {
	if within(changed, busyFor) {
		return every(cost, busyShare, minCheck, minScan)
	}
	return every(cost, checkShare, minCheck, maxCheck)
}

// recentInterval gives the time between two rounds of quick checks at the
// services that changed recently, see recentPart.
func recentInterval(cost, changed time.Duration) time.Duration {
	return min(maxCheck, max(every(cost, recentShare, minRecent, minScan), changed/recentPart))
}

func within(since, span time.Duration) bool { return since >= 0 && since < span }

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
