package deployer

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"
)

// newDependents gives a world in which five services need person, all live.
func newDependents(t *testing.T) (*world, *Deployer) {
	w := newWorld(t)
	o := Options{
		Services: []Service{{Name: "person", Base: "base", Target: "/person", Port: 8085, HealthTimeout: time.Minute, Drain: time.Second}},
		Logs:     filepath.Join(t.TempDir(), "logs"), KeepLogs: 1 << 20, KeepGenerations: 5,
		Machine: w, Network: w, Probe: w.probe, Tell: func(Event) {},
	}
	for i := range 5 {
		o.Services = append(o.Services, Service{
			Name: fmt.Sprintf("web%d", i), Base: "base", Target: "/web", Exec: "nginx", Port: 8080, Needs: []string{"person"},
			HealthTimeout: time.Minute, Drain: time.Second, ReloadCommand: "nginx -s reload",
		})
	}
	d := New(o)
	for _, s := range o.Services {
		if _, err := put(t.Context(), d, newSet(t, s.Name, s.Name+"-set-1")); err != nil {
			t.Fatal(err)
		}
	}
	return w, d
}

// leads gives the dependents that know person at each address.
func (w *world) leads() map[netip.Addr]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	leads := map[netip.Addr]int{}
	for _, c := range w.containers {
		if address, knows := c.names["person"]; knows {
			leads[address]++
		}
	}
	return leads
}

// switchOf gives the numbers of the calls that move names and ports in a deploy
// of person-2.
func switchOf(t *testing.T) (first, last int) {
	w, d := newDependents(t)
	before := w.calls
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err != nil {
		t.Fatal(err)
	}
	for i, name := range w.log[before:] {
		switch name {
		case "probe": // the last one was healthy
			first = i + 2
		case "ports":
			last = i + 1
		}
	}
	if want := 2*5 + 1; last-first+1 != want { // names and reload_command of each, and the ports
		t.Fatalf("a switch made the calls %v, want %d", w.log[before+first-1:before+last], want)
	}
	return first, last
}

// Wherever among five dependents a switch fails, all of them end on the
// generation that there was, at once, and the ports with them.
func TestAFailureAmongTheDependentsLeavesAllOnOneGeneration(t *testing.T) {
	first, last := switchOf(t)
	for n := first; n <= last; n++ {
		for _, half := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d of %d, half %t", n-first+1, last-first+1, half), func(t *testing.T) {
				w, d := newDependents(t)
				old := d.wiring.current("person")
				w.fail[w.calls+n], w.half = true, half
				if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err == nil {
					t.Fatal("the deploy did not fail")
				}
				if leads := w.leads(); leads[old.Address] != 5 || w.ports["person"] != old.target() {
					t.Errorf("person is at %s; names lead to %v and ports to %v", old.target(), leads, w.ports)
				}
			})
		}
	}
}

// A dependent that cannot be led back holds up none of the others.
func TestADependentThatCannotGoBackHoldsUpNoOther(t *testing.T) {
	first, last := switchOf(t)
	for n := first + 1; n <= last; n++ {
		for second := n + 1; second <= n+2*5; second++ {
			t.Run(fmt.Sprintf("call %d, and the %d. after it", n-first+1, second-n), func(t *testing.T) {
				w, d := newDependents(t)
				old := d.wiring.current("person")
				w.fail[w.calls+n], w.fail[w.calls+second] = true, true
				if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err == nil {
					t.Fatal("the deploy did not fail")
				}
				if leads := w.leads(); leads[old.Address] < 4 || w.ports["person"] != old.target() {
					t.Errorf("person is at %s; names lead to %v and ports to %v", old.target(), leads, w.ports)
				}
				w.fail = map[int]bool{}
				d.tidy(t.Context())
				if leads := w.leads(); leads[old.Address] != 5 {
					t.Errorf("after the repair names lead to %v", leads)
				}
			})
		}
	}
}
