package deployer

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"
)

// newStable is newFakeDeployer with service addresses, and person, which nobody
// needs at first.
func newStable(t *testing.T, w *world) *Deployer {
	d := newFakeDeployer(t, w)
	d.Stable = true
	d.Services[1].Needs = nil
	d.lane("web").s.Needs, d.wiring.services["web"] = nil, d.Services[1]
	return d
}

// nextStable gives the next agent, which would give other addresses, and where web
// calls person when it has taken stock.
func nextStable(t *testing.T, w *world) (next *Deployer, calls netip.Addr) {
	t.Helper()
	w.last = netip.MustParseAddr("10.0.3.200")
	next = w.newAgent(t)
	next.Stable = true
	if err := next.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	return next, w.containers["web-1"].names["person"]
}

// An agent that is killed while a service gets an address of its own, at any
// act, is followed by one that gives it the same, if anybody was told of it.
func TestAServiceAddressThatWasToldOfStays(t *testing.T) {
	for n := 1; ; n++ {
		ended := false
		t.Run(fmt.Sprintf("killed at act %d", n), func(t *testing.T) {
			w := newWorld(t)
			d := newStable(t, w)
			for _, service := range []string{"person", "web"} {
				g, err := put(t.Context(), d, newSet(t, service, service+"-set-1"))
				if err != nil {
					t.Fatal(err)
				}
				d.lane(service).live = g
			}
			ctx, cancel := context.WithCancel(t.Context())
			group, ctx := errgroup.WithContext(ctx)
			for _, l := range d.all() {
				l.launch(ctx, group)
			}
			services := slices.Clone(d.Services)
			services[1].Needs = []string{"person"}
			w.mu.Lock()
			w.dies(n)
			first := w.acts
			w.mu.Unlock()
			_, _ = d.exchange(ctx, group, services)
			cancel()
			_ = group.Wait()
			ended = w.acts-first < n-1
			told := w.containers["web-1"].names["person"]

			next, now := nextStable(t, w)
			if told.IsValid() && now != told {
				t.Errorf("web was told of %s, and now of %s", told, now)
			}
			if !now.IsValid() || now != next.wiring.fixedOf("person") {
				t.Errorf("web calls person at %s", now)
			}
		})
		if ended {
			break
		}
	}
}

// TestAServiceAddressThatTheBridgeCannotHaveIsExchanged is about a bridge whose
// subnet has changed: a new address is given, and is the one that the next agent
// finds, too, wherever this one is killed.
func TestAServiceAddressThatTheBridgeCannotHaveIsExchanged(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t)
		d := newFakeDeployer(t, w)
		d.Stable = true
		before := netip.MustParseAddr("10.9.9.9")
		d.wiring.fix("person", before)
		for _, service := range []string{"person", "web"} {
			if _, err := put(t.Context(), d, newSet(t, service, service+"-set-1")); err != nil {
				t.Fatal(err)
			}
		}
		w.mu.Lock()
		w.dies(n)
		first := w.acts
		w.mu.Unlock()
		second := newFakeDeployer(t, w)
		second.Stable = true
		_ = second.recover(t.Context())
		ended := w.acts-first < n-1
		told := w.containers["web-1"].names["person"]

		_, now := nextStable(t, w)
		if !now.IsValid() || now == before || told != before && now != told {
			t.Errorf("killed at act %d: web was told of %s, and now of %s", n, told, now)
		}
		if ended {
			return
		}
	}
}

// What could not be given to all is given to none.
func TestAServiceAddressThatIsLackingChangesNothing(t *testing.T) {
	w := newWorld(t)
	d := newStable(t, w)
	services := slices.Clone(d.Services)
	services[0].Needs, services[1].Needs = []string{"web"}, []string{"person"}
	before := w.String()
	w.fail[w.calls+2] = true
	if _, err := d.exchange(t.Context(), nil, services); err == nil {
		t.Fatal("no error")
	}
	if after := w.String(); after != before || d.wiring.fixedOf("web").IsValid() {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}
