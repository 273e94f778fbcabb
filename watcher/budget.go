package watcher

import "time"

// How often a share is polled. A service's few hot files and its folder are
// glanced at five to a hundred times a second, the more often the later they
// changed; all of its files are scanned as often as the budget allows, and at
// least every Options.Poll. Through FUSE a look at one file costs some 12 µs, so
// 2,000 files ten times a second took a quarter of a core. The shares are of
// one core's time.
const (
	// glance is the least time between two rounds of glances, keen that of those
	// at what has changed last, drowsy the most when nothing has changed for
	// quiet.
	glance = 20 * time.Millisecond
	keen   = 10 * time.Millisecond
	drowsy = 200 * time.Millisecond
	quiet  = 20 * time.Second
	// quick is the most time between two rounds before that, and the least
	// between two scans of a lane that has nothing to wait for.
	quick = 100 * time.Millisecond
	// remembered is how long maxLately services that changed last are glanced at
	// apart from the others, and more often.
	remembered = patient * drowsy
	maxLately  = 4
	patient    = 2000 // see eager
	// stirred is how long after a change all services are scanned more often:
	// one build writes the files of many.
	stirred = 4 * time.Second

	glanceShare  = 0.003 // of all glances on one share
	livelyShare  = 0.02  // of them within quiet of a change: who builds one service builds another
	eagerShare   = 0.01  // of those at what has changed last
	idleShare    = 0.003 // of the scans of all services that are polled
	stirredShare = 0.05  // of them shortly after a change
)

// every gives how long to wait between the beginnings of two rounds that cost
// so much each, so that they take no more than a share of one core's time; but
// not less than least and not more than most.
func every(cost time.Duration, share float64, least, most time.Duration) time.Duration {
	return max(least, min(most, time.Duration(float64(cost)/share)))
}

// budget is what the time between two scans of a lane at rest depends on.
type budget struct {
	cost    time.Duration // of one scan
	lanes   int           // that the budget is for
	changed time.Duration // since the service's files were last seen to change; negative: never
	others  time.Duration // since any service's were; negative: never
}

// scans gives the time between two scans of a lane at rest.
func (b budget) scans(least, most time.Duration) time.Duration {
	switch {
	case recent(b.changed, stirred):
		return every(b.cost, stirredShare, least, most)
	case recent(b.others, stirred):
		return every(b.cost*time.Duration(b.lanes), stirredShare, least, most)
	}
	return every(b.cost*time.Duration(b.lanes), idleShare, least, most)
}

// glances gives the time between two rounds of glances that cost so much each.
func glances(cost, changed time.Duration) time.Duration {
	if recent(changed, quiet) {
		return every(cost, livelyShare, glance, quick)
	}
	return every(cost, glanceShare, glance, drowsy)
}

// eager gives the time between two rounds of glances at the services that
// changed last: what it adds until a change is noticed is at most one part in
// patient of the time since the one before, half of that on average.
func eager(cost, changed time.Duration) time.Duration {
	return min(drowsy, max(every(cost, eagerShare, keen, quick), changed/patient))
}

func recent(since, span time.Duration) bool { return since >= 0 && since < span }
