package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// traffic is requests from the laptop at a constant rate, whether or not those
// before have been answered; half of them on connections that are kept, half
// on new ones.
type traffic struct {
	attackers []*vegeta.Attacker
	reading   sync.WaitGroup

	mu      sync.Mutex
	metrics vegeta.Metrics
	failed  []failure
}

// failure is a request that was not answered with 200.
type failure struct {
	kind       string
	begin, end time.Time
}

// startTraffic begins to ask for each of the addresses in turn. The caller ends it.
func (r *rig) startTraffic(perSecond int, urls ...string) *traffic {
	t := &traffic{}
	var targets []vegeta.Target
	for _, url := range urls {
		targets = append(targets, vegeta.Target{Method: "GET", URL: url})
	}
	for _, keep := range []bool{true, false} {
		kind := "new connection"
		if keep {
			kind = "kept connection"
		}
		attacker := vegeta.NewAttacker(vegeta.Client(r.Client(keep)))
		t.attackers = append(t.attackers, attacker)
		results := attacker.Attack(vegeta.NewStaticTargeter(targets...),
			vegeta.Rate{Freq: perSecond / 2, Per: time.Second}, 0, kind) // 0: until it is stopped
		t.reading.Go(func() {
			for result := range results {
				t.note(kind, result)
			}
		})
	}
	return t
}

func (t *traffic) note(connection string, r *vegeta.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.metrics.Add(r)
	if r.Error == "" && r.Code == 200 {
		return
	}
	kind := r.Error
	if len(r.Body) > 0 {
		kind += ": " + string(r.Body)
	}
	t.failed = append(t.failed, failure{connection + ": " + inGeneral(kind), r.Timestamp, r.End()})
}

// fail notes a failure of a request that was sent beside the traffic.
func (t *traffic) fail(kind string, began time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = append(t.failed, failure{inGeneral(kind), began, time.Now()})
}

// end stops the traffic and waits for the last answer.
func (t *traffic) end() {
	for _, a := range t.attackers {
		a.Stop()
	}
	t.reading.Wait()
	t.metrics.Close()
}

// failures is how many requests have failed by now.
func (t *traffic) failures() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.failed)
}

// explain says of each kind of failure how often it was and when, relative to
// the nearest switch.
func (t *traffic) explain(switches []redeployed) []string {
	groups := map[string][]string{}
	for _, f := range t.failed {
		when := "with no switch"
		if s, found := nearest(f, switches); found {
			when = fmt.Sprintf("from %+d to %+d ms of the switch of %s",
				f.begin.Sub(s.live).Milliseconds(), f.end.Sub(s.live).Milliseconds(), s.service)
		}
		groups[f.kind] = append(groups[f.kind], when)
	}
	var lines []string
	for kind, all := range groups {
		lines = append(lines, fmt.Sprintf("%d × %s: %s", len(all), kind, strings.Join(all[:min(5, len(all))], "; ")))
	}
	slices.Sort(lines)
	return lines
}

// nearest is the switch that a failure was closest to.
func nearest(f failure, switches []redeployed) (found redeployed, ok bool) {
	for _, s := range switches {
		if !ok || f.end.Sub(s.live).Abs() < f.end.Sub(found.live).Abs() {
			found, ok = s, true
		}
	}
	return found, ok
}
