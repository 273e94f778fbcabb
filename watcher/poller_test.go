package watcher

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// bench is a poller that a test drives as the loop would, on a clock of its own:
// inBench runs it in a bubble. Files are local, so that to look at them takes no
// time on that clock.
type bench struct {
	*poller
	t *testing.T
}

func inBench(t *testing.T, test func(t *testing.T, p bench)) {
	synctest.Test(t, func(t *testing.T) { test(t, bench{newPoller(5 * time.Second), t}) })
}

// watch has a service polled.
func (b bench) watch(w *watch) {
	w.dev = 1
	b.set(w.service, w, time.Now())
}

// run lets the poller do its work for so long, or until it says that services
// may have moved, which it gives with the time that took.
func (b bench) run(limit time.Duration) (moved []string, took time.Duration) {
	b.t.Helper()
	began := time.Now()
	for {
		next := b.next()
		if next.IsZero() || next.After(began.Add(limit)) {
			time.Sleep(time.Until(began.Add(limit)))
			return nil, limit
		}
		time.Sleep(time.Until(next))
		due, rounds := b.due(time.Now())
		moved = append(moved, due...)
		for _, r := range rounds {
			took := r.check(b.t.Context(), func(path string) {
				for service, w := range b.watches {
					if !w.spent && len(w.paths) > 0 && w.paths[0].name == path {
						w.spent = true // as when it is looked at
						moved = append(moved, service)
					}
				}
			})
			b.finished(r, took)
		}
		if len(moved) > 0 {
			return moved, time.Since(began)
		}
	}
}

func TestAQuickCheckFindsTheServiceWhoseFileChanged(t *testing.T) {
	dir := t.TempDir()
	inBench(t, func(t *testing.T, b bench) {
		for _, name := range []string{"a", "b"} {
			b.watch(&watch{service: name, paths: []knownPath{{name: filepath.Join(dir, name)}}, scanned: time.Now(), cost: time.Hour})
		}
		b.run(time.Second)
		write(t, filepath.Join(dir, "a"), nil)
		moved, took := b.run(4 * time.Second)
		if len(moved) != 1 || moved[0] != "a" || took > maxCheck {
			t.Errorf("%v after %v, want a after %v at most", moved, took, maxCheck)
		}
		if moved, _ := b.run(2 * time.Second); len(moved) > 0 {
			t.Errorf("%v may have moved again, for one change", moved)
		}
	})
}

func TestAServiceIsScannedWhenThatIsDue(t *testing.T) {
	inBench(t, func(t *testing.T, b bench) {
		b.watch(&watch{service: "a", scanned: time.Now(), cost: 3 * time.Millisecond}) // 0.3 % of a second
		if _, took := b.run(time.Minute); took != time.Second {
			t.Errorf("due after %v, want 1s", took)
		}
		b.watch(&watch{service: "a", scanned: time.Now(), cost: time.Hour})
		if _, took := b.run(time.Minute); took != 5*time.Second {
			t.Errorf("due after %v, want the bound of 5s", took)
		}
	})
}

func TestARoundThatHungIsNotRestedFromAsLong(t *testing.T) {
	inBench(t, func(t *testing.T, b bench) {
		b.watch(&watch{service: "a", paths: []knownPath{{name: "/none"}}, scanned: time.Now(), cost: time.Hour})
		time.Sleep(time.Until(b.next()))
		_, rounds := b.due(time.Now())
		time.Sleep(time.Hour)
		b.finished(rounds[0], time.Hour)
		if rest := time.Until(b.devices[1].others.due); rest < maxCheck || rest > stuck {
			t.Errorf("the next round is due in %v", rest)
		}
	})
}

// A share that hangs is found out by what looks at it, for that can say so.
func TestARoundThatHangsHasAllServicesOfTheShareLookedAt(t *testing.T) {
	inBench(t, func(t *testing.T, b bench) {
		began := time.Now()
		for _, name := range []string{"a", "b"} {
			b.watch(&watch{service: name, paths: []knownPath{{name: "/none"}}, scanned: began, cost: time.Hour})
		}
		time.Sleep(time.Until(b.next()))
		_, rounds := b.due(time.Now())
		if len(rounds) != 1 {
			t.Fatalf("%d rounds", len(rounds))
		}
		time.Sleep(time.Until(b.next()))
		moved, more := b.due(time.Now())
		if took := time.Since(rounds[0].began); len(moved) != 2 || len(more) > 0 || took != stuck {
			t.Errorf("%v may have moved after %v, and %d rounds, want both after %v", moved, took, len(more), stuck)
		}
		if next := b.next(); !next.IsZero() {
			t.Errorf("something is due at %v although the round is under way", next)
		}
	})
}

func TestAChangeHastensTheScansOfOthers(t *testing.T) {
	inBench(t, func(t *testing.T, b bench) {
		b.watch(&watch{service: "a", scanned: time.Now(), cost: 12 * time.Millisecond}) // due after 4 s
		b.run(time.Second)
		b.changed = time.Now()
		if _, took := b.run(time.Minute); took > minScan {
			t.Errorf("due %v after the change, want %v at most", took, minScan)
		}
	})
}

func TestScansThatAreDueAtOnceAreSpread(t *testing.T) {
	inBench(t, func(t *testing.T, b bench) {
		const services = 10
		for i := range services {
			b.watch(&watch{service: fileName(i), scanned: time.Now().Add(-time.Hour), cost: 2 * time.Millisecond})
		}
		moved, took := b.run(time.Minute)
		if len(moved) != 3 || took > minCheck { // 5 % of minScan are 5 ms
			t.Errorf("%d are due in the first round, after %v, want 3 after %v", len(moved), took, minCheck)
		}
		n := len(moved)
		for range 3 {
			moved, took := b.run(minCheck)
			if n += len(moved); took > minCheck {
				t.Errorf("a round after %v", took)
			}
		}
		if n != services {
			t.Errorf("%d are due after four rounds, want all %d", n, services)
		}
	})
}

func TestADeviceEndsWithItsServices(t *testing.T) {
	inBench(t, func(t *testing.T, b bench) {
		b.watch(&watch{service: "a", scanned: time.Now()})
		b.set("a", &watch{service: "a", dev: 2, scanned: time.Now()}, time.Now())
		b.set("a", nil, time.Now())
		b.run(time.Minute)
		if len(b.devices) != 0 || !b.next().IsZero() {
			t.Errorf("%v are still polled", b.devices)
		}
	})
}

// cold is a service of many files on a share, at rest. Scans of it are so dear
// that none is due before Options.Poll.
func cold(t *testing.T, poll time.Duration) (*rig, *share) {
	t.Helper()
	s := newShare(t)
	for i := range 20 {
		write(t, filepath.Join(s.theirs, "volume-app", "conf", fileName(i)), []byte("one"))
	}
	write(t, filepath.Join(s.theirs, "volume-app", "app.jar"), jar(t, "one"))
	w := newOne(t, Options{Root: s.seen, Poll: poll})
	w.loop.tasks[0].cost = 1 << 50
	r := run(t, w, s.seen)
	r.ready()
	return r, s
}

func TestAChangeOfARecentFileIsSeenByAQuickCheck(t *testing.T) {
	t.Parallel()
	r, s := cold(t, time.Hour)
	began := time.Now()
	write(t, filepath.Join(s.theirs, "volume-app", "app.jar"), jar(t, "the second"))
	r.ready()
	t.Logf("reported after %v", time.Since(began))
}

func TestANewFileIsSeenByAQuickCheckOfTheFolder(t *testing.T) {
	t.Parallel()
	r, s := cold(t, time.Hour)
	write(t, filepath.Join(s.theirs, "volume-app", "config.yml"), []byte("a: 1\n"))
	r.ready()
}

func TestAChangeOfAColdFileIsSeenWithinPoll(t *testing.T) {
	t.Parallel()
	r, s := cold(t, time.Second)
	began := time.Now()
	write(t, filepath.Join(s.theirs, "volume-app", "conf", fileName(7)), []byte("the second"))
	r.ready()
	t.Logf("reported after %v", time.Since(began))
}
