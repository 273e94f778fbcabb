package deployer

import (
	"strings"
	"testing"
	"time"
)

func TestAStandbyThatCannotBeMadeIsTriedAgainLaterAndToldOnce(t *testing.T) {
	r := newRunning(t, func(o *Options) {
		o.Standby, o.Available = true, func() (int64, error) { return 1 << 40, nil }
	})
	a := r.lanes["a"]
	r.eventually("a standby", a.hasStandby)
	r.w.failWith("clone", errInjected)
	if res := <-r.put("a", "a-2"); res.Err != nil {
		t.Fatal(res.Err)
	}
	r.eventually("it is told", func() bool { return r.told(Warning, "a") })
	clones := func() int { return strings.Count(strings.Join(r.w.calledNames(), " "), "clone") }
	before := clones()
	for range 3 {
		r.keepReserve(t.Context())
	}
	r.eventually("nothing is being made", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return !a.making })
	if now := clones(); now != before {
		t.Errorf("%d attempts at once", now-before)
	}
	later := func() {
		a.mu.Lock()
		a.noStandby = time.Now().Add(-standbyPause)
		a.mu.Unlock()
		r.keepReserve(t.Context())
	}
	later()
	r.eventually("another attempt", func() bool { return clones() > before })
	r.w.failWith("", nil)
	later()
	r.eventually("a standby again", func() bool { later(); return a.hasStandby() })
	r.mu.Lock()
	defer r.mu.Unlock()
	told := 0
	for _, e := range r.events {
		if e.Kind == Warning && e.Service == "a" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times: %+v", told, r.events)
	}
}

// A standby is made while the lane has taken out the one that there was, or has
// found none. Either is kept, and no other is left that nobody knows of.
func TestNoStandbyIsForgotten(t *testing.T) {
	w, d := newSystem(t)
	d.Available = func() (int64, error) { return 1 << 40, nil }
	l := d.lane("person")
	l.live, d.lane("web").live = d.wiring.current("person"), d.wiring.current("web")
	standby := func() *Generation {
		g, err := d.newStandby(t.Context(), l.s)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	none, first := l.takeStandby(), standby()
	l.keepStandby(t.Context(), first)
	l.keepStandby(t.Context(), none)
	if l.standby != first {
		t.Error("the standby was forgotten for none")
	}
	first = l.takeStandby()
	l.keepStandby(t.Context(), standby())
	l.keepStandby(t.Context(), first)
	checkEachHasAnOwner(t, d, w)
}
