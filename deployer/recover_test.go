package deployer

import (
	"context"
	"fmt"
	"testing"
)

// An agent that is killed before any act, a record's writing among them, is
// followed by one that finds its way; and by another, when that one is killed
// in its recovery. It may have gone with the whole VM.
func TestTheNextAgentFindsItsWayAfterAnyAct(t *testing.T) {
	w, d := newSystem(t)
	before := w.acts
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err != nil {
		t.Fatal(err)
	}
	acts := w.acts - before
	for _, reboot := range []bool{false, true} {
		for n := 1; n <= acts; n++ {
			for again := 0; ; again++ { // at which act of the recovery the next agent is killed; 0: it is not
				ended := false
				t.Run(fmt.Sprintf("reboot %t, killed at act %d, and in the recovery at %d", reboot, n, again), func(t *testing.T) {
					ended = findsItsWay(t, reboot, n, again)
				})
				if ended || n%5 != 0 { // every fifth all through, which is plenty
					break
				}
			}
		}
	}
}

// findsItsWay kills two agents, and says whether the second had ended before.
func findsItsWay(t *testing.T, reboot bool, n, again int) (ended bool) {
	w, d := newSystem(t)
	w.dies(n)
	_, err := put(briefly(t), d, newSet(t, "person", "person-set-2"))
	if reboot {
		w.reboots()
	}
	truth := w.truth(t, "person")
	if truth == "" {
		t.Fatalf("after %v nothing is live:\n%s", err, w)
	}
	if again > 0 {
		ended = w.recoveryDies(t, again)
	}
	next := w.nextAgent(t)
	w.check(t, "person", truth)
	w.check(t, "web", "web-1")
	checkEachHasAnOwner(t, next, w)
	for name, c := range w.containers {
		if kept := next.kept.of("person"); kept != nil && kept.Name() == name && c.unit {
			t.Errorf("%s is kept, and its service runs:\n%s", name, w)
		}
	}
	return ended
}

// The services of one build go live together, also where the agent is killed in
// the midst of it.
func TestASwitchOfSeveralIsOneAlsoForTheNextAgent(t *testing.T) {
	for n := 1; ; n++ {
		ended := false
		t.Run(fmt.Sprintf("killed at act %d", n), func(t *testing.T) {
			w, d := newSystem(t)
			var moves []move
			for _, service := range []string{"person", "web"} {
				m := move{d.lane(service).s, nil, d.wiring.current(service)}
				work := &transaction{ctx: t.Context()}
				m.g = d.prepare(work, m.s)
				work.step("install", func(ctx context.Context) error { return d.install(ctx, m.s, m.g, newSet(t, service, service+"-set-2")) }, nil)
				work.step("start", func(ctx context.Context) error { return d.startUnit(ctx, m.g) }, nil)
				if work.err != nil {
					t.Fatal(work.err)
				}
				moves = append(moves, m)
			}
			w.dies(n)
			first := w.acts
			_ = d.promote(t.Context(), moves...)
			ended = w.acts-first < n
			person, web := "person-1", "web-1"
			if w.truth(t, "person") != person || w.truth(t, "web") != web {
				person, web = "person-2", "web-2"
			}
			next := w.nextAgent(t)
			w.check(t, "person", person)
			w.check(t, "web", web)
			checkEachHasAnOwner(t, next, w)
		})
		if ended {
			break
		}
	}
}

// What serves is not ended when its service has gone and come again, and the
// agent is killed at any act in between.
func TestAServiceThatHasGoneAndComesAgainServesOn(t *testing.T) {
	for n := 1; n < 10; n++ {
		t.Run(fmt.Sprintf("killed at act %d", n), func(t *testing.T) {
			w, d := newSystem(t)
			l := d.lane("person")
			l.live = d.wiring.current("person")
			w.dies(n)
			delete(d.lanes, "person")
			_ = d.wiring.reshape(briefly(t), map[string]Service{"web": d.Services[1]})
			d.dissolve(briefly(t), l)
			if w.containers["person-1"] == nil || !w.containers["person-1"].running {
				t.Fatalf("it is gone already:\n%s", w)
			}
			next := w.nextAgent(t)
			w.check(t, "person", "person-1")
			checkEachHasAnOwner(t, next, w)
		})
	}
}

// An agent that was killed in a start that hung is followed by one that starts
// anew what was live, and removes what was being made.
func TestAStartThatHungIsMadeUpFor(t *testing.T) {
	w, d := newSystem(t)
	made := d.next(Service{Name: "person"})
	if err := made.claim(w.Folder(made.Name())); err != nil {
		t.Fatal(err)
	}
	w.containers[made.Name()] = &fakeContainer{base: "base", hangs: true}
	w.containers["web-1"].running, w.containers["web-1"].hangs = false, true
	next := newFakeDeployer(t, w)
	if err := next.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := w.containers["web-1"]; !c.running || next.wiring.current("web") == nil {
		t.Errorf("web-1 is %+v", c)
	}
	if w.containers[made.Name()] != nil {
		t.Errorf("%s is left:\n%s", made.Name(), w)
	}
}

// An agent that was killed in between writing that the new generation is live
// and that the old one drains leaves two that are live.
func TestOfTwoThatAreLiveTheNewerIs(t *testing.T) {
	w, d := newSystem(t)
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(w.Folder("person-1"))
	if err != nil {
		t.Fatal(err)
	}
	r.Phase = Live
	if err := r.write(w.Folder("person-1")); err != nil {
		t.Fatal(err)
	}
	next := newFakeDeployer(t, w)
	if err := next.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	newer := w.containers["person-2"].address
	if got := w.ports["person"].Addr(); got != newer {
		t.Errorf("ports lead to %s, not to %s", got, newer)
	}
	if got := w.containers["web-1"].names["person"]; got != newer {
		t.Errorf("web calls person at %s, not at %s", got, newer)
	}
	if r, err := readRecord(w.Folder("person-1")); err != nil || r.Phase != Draining {
		t.Errorf("the older one is %s, %v", r.Phase, err)
	}
}
