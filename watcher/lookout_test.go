package watcher

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bystander is a lane that only counts how often it is woken.
func bystander() *lane { return &lane{wake: make(chan struct{}, 1)} }

// woken waits for a lane to be woken and gives the time that took.
func woken(t *testing.T, l *lane, limit time.Duration) (time.Duration, bool) {
	t.Helper()
	began := time.Now()
	select {
	case <-l.wake:
		return time.Since(began), true
	case <-time.After(limit):
		return limit, false
	}
}

// inBubble runs a test of a lookout on a clock of its own. Files are local, so
// that to look at them takes no time on that clock.
func inBubble(t *testing.T, test func(t *testing.T, ctx context.Context, o *lookout)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		test(t, ctx, newLookout(5*time.Second, &calls))
		cancel()
		calls.Wait()
	})
}

func TestAGlanceWakesTheLaneWhoseFileChanged(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, func(t *testing.T, ctx context.Context, o *lookout) {
		changed, other := bystander(), bystander()
		for l, name := range map[*lane]string{changed: "a", other: "b"} {
			o.leave(ctx, &post{lane: l, dev: 1, spots: []spot{{name: filepath.Join(dir, name)}}, scanned: time.Now(), cost: time.Hour})
		}
		time.Sleep(time.Second)
		write(t, filepath.Join(dir, "a"), nil)
		if took, ok := woken(t, changed, time.Minute); !ok || took > drowsy {
			t.Errorf("woken after %v (%v), want %v at most", took, ok, drowsy)
		}
		if _, ok := woken(t, changed, 2*time.Second); ok {
			t.Error("woken twice for one post")
		}
		if _, ok := woken(t, other, 0); ok {
			t.Error("the other is woken, too")
		}
	})
}

func TestALaneIsWokenWhenItsScanIsDue(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context, o *lookout) {
		l := bystander()
		o.leave(ctx, &post{lane: l, dev: 1, scanned: time.Now(), cost: 3 * time.Millisecond}) // 0.3 % of a second
		if took, _ := woken(t, l, time.Minute); took != time.Second {
			t.Errorf("woken after %v, want 1s", took)
		}
		o.leave(ctx, &post{lane: l, dev: 1, scanned: time.Now(), cost: time.Hour})
		if took, _ := woken(t, l, time.Minute); took != 5*time.Second {
			t.Errorf("woken after %v, want the bound of 5s", took)
		}
	})
}

func TestARoundThatHungIsNotRestedFromAsLong(t *testing.T) {
	var r rhythm
	synctest.Test(t, func(t *testing.T) {
		r.turn(time.Now(), func() { time.Sleep(time.Hour) }, func(time.Duration) time.Duration { return drowsy })
		if rest := time.Until(r.due); rest < drowsy || rest > stuck {
			t.Errorf("the next round is due in %v", rest)
		}
	})
}

func TestAChangeHastensTheScansOfOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context, o *lookout) {
		l := bystander()
		o.leave(ctx, &post{lane: l, dev: 1, scanned: time.Now(), cost: 12 * time.Millisecond}) // due after 4 s
		time.Sleep(time.Second)
		o.stir(time.Now())
		if took, _ := woken(t, l, time.Minute); took > quick {
			t.Errorf("woken %v after the change, want %v at most", took, quick)
		}
	})
}

func TestScansThatAreDueAtOnceAreSpread(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context, o *lookout) {
		var lanes []*lane
		for range 10 {
			l := bystander()
			lanes = append(lanes, l)
			o.leave(ctx, &post{lane: l, dev: 1, scanned: time.Now().Add(-time.Hour), cost: 2 * time.Millisecond})
		}
		count := func() (n int) {
			for _, l := range lanes {
				n += len(l.wake)
			}
			return n
		}
		time.Sleep(glance + time.Millisecond)
		if n := count(); n != 3 { // 5 % of quick are 5 ms
			t.Errorf("%d are woken in the first round, want 3", n)
		}
		time.Sleep(3 * glance)
		if n := count(); n != len(lanes) {
			t.Errorf("%d are woken after four rounds, want all %d", n, len(lanes))
		}
	})
}

func TestALookoutEndsWithoutLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls sync.WaitGroup
		o, l := newLookout(time.Minute, &calls), bystander()
		o.leave(t.Context(), &post{lane: l, dev: 1, scanned: time.Now()})
		o.leave(t.Context(), &post{lane: l, dev: 2, scanned: time.Now()})
		o.gone(l)
		calls.Wait() // although the context goes on
		if len(o.shares) != 0 {
			t.Errorf("%v are still watched", o.shares)
		}
	})
}

// cold is a service of many files on a share, at rest.
func cold(t *testing.T, poll time.Duration) (*rig, *share) {
	t.Helper()
	s := newShare(t)
	for i := range 20 {
		write(t, filepath.Join(s.theirs, "volume-app", "conf", fileName(i)), []byte("one"))
	}
	write(t, filepath.Join(s.theirs, "volume-app", "app.jar"), jar(t, "one"))
	r := start(t, s.seen, func(o *Options, _ *Service) { o.Poll = poll })
	r.ready()
	return r, s
}

func TestAChangeOfAHotFileIsSeenByAGlance(t *testing.T) {
	t.Parallel()
	r, s := cold(t, time.Hour)
	r.dear()
	began := time.Now()
	write(t, filepath.Join(s.theirs, "volume-app", "app.jar"), jar(t, "the second"))
	r.ready()
	t.Logf("told after %v", time.Since(began))
}

// dear makes scans so dear that none is due for an hour.
func (r *rig) dear() {
	o := r.w.lookout
	eventually(r.t, "the lane's rest", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		for l, p := range o.posts {
			if !p.woken.Load() {
				q := &post{lane: l, dev: p.dev, spots: p.spots, scanned: p.scanned, cost: time.Hour}
				o.posts[l] = q
				o.changed = time.Time{}
				return true
			}
		}
		return false
	})
}

func TestANewFileIsSeenByAGlanceAtTheFolder(t *testing.T) {
	t.Parallel()
	r, s := cold(t, time.Hour)
	r.dear()
	write(t, filepath.Join(s.theirs, "volume-app", "config.yml"), []byte("a: 1\n"))
	r.ready()
}

func TestAChangeOfAColdFileIsSeenWithinPoll(t *testing.T) {
	t.Parallel()
	r, s := cold(t, time.Second)
	r.dear()
	began := time.Now()
	write(t, filepath.Join(s.theirs, "volume-app", "conf", fileName(7)), []byte("the second"))
	r.ready()
	t.Logf("told after %v", time.Since(began))
}
