package deployer

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// An agent that is killed at any call is followed by one that finds its way.
func TestTheNextAgentFindsItsWayAfterAnyCall(t *testing.T) {
	calls, names := callsOf(t)
	for n := 1; n <= calls; n++ {
		t.Run(fmt.Sprintf("killed at call %d, %s", n, names[n-1]), func(t *testing.T) {
			w, d := newSystem(t)
			for i := n; i < 1000; i++ { // all that it would have done after is not done
				w.fail[w.calls+i] = true
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := put(ctx, d, newSet(t, "person", "person-set-2"))
			w.fail = map[int]bool{}
			w.leases = map[string]netip.Addr{} // they were in its memory

			next := newFakeDeployer(t, w)
			if e := next.recover(t.Context()); e != nil {
				t.Fatal(e)
			}
			live := next.wiring.current("person")
			if live == nil || next.wiring.current("web") == nil {
				t.Fatalf("after %v nothing is live:\n%s", err, w)
			}
			for name, c := range w.containers {
				service, _, _ := parseName(name)
				if kept := next.kept.of("person"); kept != nil && kept.Name() == name {
					if c.unit {
						t.Errorf("%s is kept, and its service runs:\n%s", name, w)
					}
					continue
				}
				if service == "person" && name != live.Name() && next.lanes["person"].draining[live] == nil {
					if r, _ := readRecord(w.Folder(name)); r.Phase != Draining {
						t.Errorf("%s is left, and %s:\n%s", name, r.Phase, w)
					}
				}
				if service == "web" && c.names["person"] != live.Address {
					t.Errorf("%s calls person at %v, not %v", name, c.names, live.Address)
				}
			}
			if w.ports["person"] != live.target() {
				t.Errorf("ports lead to %v", w.ports)
			}
			if w.containers["foreign-1"] == nil {
				t.Error("a foreign container is gone")
			}
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
