package deployer

import (
	"fmt"
	"net/netip"
	"testing"
)

// An agent that is killed before any act, a record's writing among them, is
// followed by one that finds its way; and by another, when that one is killed
// in its recovery.
func TestTheNextAgentFindsItsWayAfterAnyAct(t *testing.T) {
	w, d := newSystem(t)
	before := w.acts
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err != nil {
		t.Fatal(err)
	}
	acts := w.acts - before
	for n := 1; n <= acts; n++ {
		for again := 0; ; again++ { // at which act of the recovery the next agent is killed; 0: it is not
			ended := false
			t.Run(fmt.Sprintf("killed at act %d, and in the recovery at %d", n, again), func(t *testing.T) {
				w, d := newSystem(t)
				w.dies(n)
				_, err := put(briefly(t), d, newSet(t, "person", "person-set-2"))
				truth := w.truth(t, "person")
				if again > 0 {
					w.deadly, w.leases = 0, map[string]netip.Addr{}
					next := newFakeDeployer(t, w)
					first := w.acts
					w.dies(again)
					_ = next.recover(t.Context())
					ended = w.acts-first < again
				}
				next := w.nextAgent(t)
				if truth == "" {
					t.Fatalf("after %v nothing is live:\n%s", err, w)
				}
				w.check(t, "person", truth)
				w.check(t, "web", "web-1")
				checkEachHasAnOwner(t, next, w)
				for name, c := range w.containers {
					if kept := next.kept.of("person"); kept != nil && kept.Name() == name && c.unit {
						t.Errorf("%s is kept, and its service runs:\n%s", name, w)
					}
				}
			})
			if ended || n%5 != 0 { // every fifth all through, which is plenty
				break
			}
		}
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
