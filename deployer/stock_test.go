package deployer

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What was being made may be where names and ports lead, by a switch that was
// cut off. While they cannot be led back it stays.
func TestWhatNamesAndPortsMayLeadToIsNotRemoved(t *testing.T) {
	w, d := newSystem(t)
	_, err := put(t.Context(), d, newSet(t, "person", "person-set-2"))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]Phase{"person-1": Live, "person-2": Candidate} {
		r, err := readRecord(w.Folder(name))
		if err != nil {
			t.Fatal(err)
		}
		r.Phase = p
		if err := r.write(w.Folder(name)); err != nil {
			t.Fatal(err)
		}
	}
	w.failing = map[string]error{"repair ports": errors.New("the lock is held by somebody else")}
	next := w.nextAgent(t)
	checkEachHasAnOwner(t, next, w)
	next.tidy(t.Context())
	if c := w.containers["person-2"]; c == nil || !c.unit || len(w.harm) > 0 {
		t.Fatalf("ports lead to %v, and %v was done:\n%s", w.ports, w.harm, w)
	}
	w.failing = nil
	next.tidy(t.Context())
	w.check(t, "person", "person-1")
	if w.containers["person-2"] != nil {
		t.Errorf("person-2 is left:\n%s", w)
	}
}

// A live generation that cannot be started, for now or for ever, has an owner
// all the same: it is tried again, and gives way to a new one.
func TestWhatWasLiveAndCannotBeStartedIsTriedAgain(t *testing.T) {
	for _, cause := range []string{"start", "root"} {
		t.Run(cause, func(t *testing.T) {
			w, _ := newSystem(t)
			w.containers["person-1"].running, w.containers["person-1"].unit = false, false
			w.failing = map[string]error{cause: errors.New("not now")}
			if cause == "root" {
				w.containers["web-1"].running = false // one that runs would be harmed by the test
			}
			next := w.nextAgent(t)
			checkEachHasAnOwner(t, next, w)
			w.failing = nil
			l := next.lane("person")
			if s := l.status(); s.State != "down" || s.Generation != "person-1" {
				t.Fatalf("status: %+v", s)
			}
			if _, _, plan := l.plan(request{set: newSet(t, "person", "person-set-1")}); !plan.Deploy {
				t.Errorf("the container has ended, and the plan is %s", plan)
			}
			next.tidy(t.Context()) // with one that has no root
			for _, service := range []string{"person", "web"} {
				if l := next.lane(service); next.alive(l.live) != nil {
					if err := next.again(t.Context(), l.s, l.live); err != nil {
						t.Fatal(err)
					}
				}
			}
			w.harm = nil // one whose root could not be opened was started once more
			next.tidy(t.Context())
			w.check(t, "person", "person-1")
			w.check(t, "web", "web-1")
			if l.live.finished == nil {
				t.Error("nobody follows its output")
			}
		})
	}
}

// What only waits, or drains, and cannot be taken up, goes.
func TestWhatCannotBeTakenUpGoes(t *testing.T) {
	w, d := newSystem(t)
	d.Available = func() (int64, error) { return 1 << 40, nil }
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.newStandby(t.Context(), d.lane("person").s); err != nil {
		t.Fatal(err)
	}
	w.failing = map[string]error{"root": errors.New("not now")}
	w.leases = map[string]netip.Addr{}
	next := newFakeDeployer(t, w)
	next.Standby = true
	if err := next.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkEachHasAnOwner(t, next, w)
	for _, name := range []string{"person-1", "person-3"} {
		if w.containers[name] != nil {
			t.Errorf("%s is left:\n%s", name, w)
		}
	}
}

// An agent that is killed while it starts an ended service again is followed by
// one that does so.
func TestAStartThatWasCutOffIsMadeUpFor(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for n := 1; ; n++ {
			ended := false
			t.Run(fmt.Sprintf("container ended %t, killed at act %d", lost, n), func(t *testing.T) {
				w, d := newSystem(t)
				w.ends(t, "person-1")
				w.containers["person-1"].running = !lost
				w.dies(n)
				first := w.acts
				l, g := d.lane("person"), d.wiring.current("person")
				_ = d.again(briefly(t), l.s, g)
				ended = w.acts-first < n-1
				next := w.nextAgent(t)
				l = next.lane("person")
				if next.alive(l.live) != nil {
					if err := next.again(t.Context(), l.s, l.live); err != nil {
						t.Fatal(err)
					}
				}
				w.check(t, "person", "person-1")
				if err := next.alive(l.live); err != nil {
					t.Errorf("it runs, and is said to have: %v", err)
				}
				if left, _ := filepath.Glob(filepath.Join(l.live.reports, "exit*")); len(left) > 0 {
					t.Errorf("left: %v", left)
				}
			})
			if ended {
				break
			}
		}
	}
}

// A service that could not be started again has not come back to life.
func TestAStartThatFailsLeavesItsServiceDead(t *testing.T) {
	w, d := newSystem(t)
	l, g := d.lane("person"), d.wiring.current("person")
	w.ends(t, "person-1")
	w.failing = map[string]error{"run": errors.New("no answer")}
	if err := d.again(briefly(t), l.s, g); err == nil || d.alive(g) == nil {
		t.Errorf("it is said to run, and its start to have ended with %v", err)
	}
	w.failing = nil
	if err := d.again(t.Context(), l.s, g); err != nil || d.alive(g) != nil {
		t.Errorf("%v, %v", err, d.alive(g))
	}
	w.check(t, "person", "person-1")
}

// What has failed goes when a later deploy has gone live; an agent that was
// killed before that is made up for.
func TestWhatALaterDeployHasPassedIsNotKept(t *testing.T) {
	w, d := newSystem(t)
	w.failing = map[string]error{"copy": errors.New("cut off")}
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err == nil {
		t.Fatal("it went well")
	}
	w.failing = nil
	if next := w.nextAgent(t); next.kept.of("person") == nil {
		t.Errorf("what has failed is not kept:\n%s", w)
	}
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-3")); err != nil {
		t.Fatal(err)
	}
	if next := w.nextAgent(t); next.kept.of("person") != nil || w.containers["person-2"] != nil {
		t.Errorf("what a later deploy has passed is kept:\n%s", w)
	}
	w.check(t, "person", "person-3")
}

// Somebody has copied a container, with its record, or renamed it. That is no
// generation of ours, and stands for none.
func TestACopyWithARecordOfOursIsLeftAlone(t *testing.T) {
	w, _ := newSystem(t)
	for _, name := range []string{"person-01", "person-7", "mine-1"} {
		if err := os.CopyFS(w.Folder(name), os.DirFS(w.Folder("person-1"))); err != nil {
			t.Fatal(err)
		}
		w.containers[name] = &fakeContainer{base: "base", running: true, init: 100 + len(name)}
	}
	w.nextAgent(t)
	for _, name := range []string{"person-01", "person-7", "mine-1"} {
		if c := w.containers[name]; c == nil || !c.running {
			t.Errorf("%s was touched: %+v", name, c)
		}
	}
	w.check(t, "person", "person-1")
	if removed, err := RemoveAll(t.Context(), mortal{w}); len(removed) != 2 || err == nil {
		t.Errorf("removed %q, %v; want person-1 and web-1, and to be told of the others", removed, err)
	}
}

// A switch has failed half-way, and cannot go back: ports lead to the candidate.
// It serves until they can be led back.
func TestACandidateThatPortsLeadToIsNotEnded(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w, d := newSystem(t)
		d.KeepFailed = keep
		for _, l := range d.all() {
			l.live = d.wiring.current(l.s.Name)
		}
		calls, names := callsOf(t)
		w.half, w.fail[w.calls+1+slices.Index(names[:calls], "ports")] = true, true
		w.failing = map[string]error{"repair ports": errors.New("the lock is held by somebody else")}
		if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err == nil {
			t.Fatal("the switch went well")
		}
		if c := w.containers["person-2"]; c == nil || !c.unit || len(w.harm) > 0 || w.ports["person"].Addr() != c.address {
			t.Fatalf("ports lead to %v, and %v was done:\n%s", w.ports, w.harm, w)
		}
		checkEachHasAnOwner(t, d, w)
		w.failing = nil
		d.tidy(t.Context())
		w.check(t, "person", "person-1")
		if w.containers["person-2"] != nil {
			t.Errorf("person-2 is left:\n%s", w)
		}
	}
}
