package deployer

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

func TestTheNextAgentGoesOnKeeping(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world, *Deployer)
		stays  bool
	}{
		{"as it is", func(*world, *Deployer) {}, true},
		{"but not where nobody wants it any more", func(_ *world, d *Deployer) { d.KeepFailed = false }, false},
		{"but not what has stopped, as after a reboot", func(w *world, _ *Deployer) { w.containers["person-2"].running = false }, false},
		{"but not for a service that has gone", func(_ *world, d *Deployer) { delete(d.lanes, "person") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, d := newSystem(t)
			d.Probe = func(context.Context, string, string) error { return errors.New("503") }
			s := d.wiring.services["person"]
			s.HealthTimeout = 1
			if _, _, err := d.deploy(t.Context(), s, newSet(t, "person", "person-set-2"), d.wiring.current("person"), nil); err == nil {
				t.Fatal("it did not fail")
			}
			kept := d.kept.of("person")
			if kept == nil {
				t.Fatal("it is not kept")
			}
			w.leases = map[string]netip.Addr{} // they were in its memory
			next := newFakeDeployer(t, w)
			c.change(w, next)
			if err := next.recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			found := next.kept.of("person")
			if _, there := w.containers["person-2"]; there != c.stays || (found != nil) != c.stays {
				t.Fatalf("there: %t, kept: %v\n%s", there, found, w)
			}
			if !c.stays {
				return
			}
			if w.leases["person-2"] != kept.Address || next.wiring.current("person").Name() != "person-1" || w.containers["person-2"].unit {
				t.Errorf("%s", w)
			}
			next.dropKept(t.Context(), "person")
			if _, there := w.containers["person-2"]; there {
				t.Error("it does not go")
			}
		})
	}
}

func TestOfTwoThatAreFoundTheNewerIsKept(t *testing.T) {
	w, d := newSystem(t)
	var all []*Generation
	for _, id := range []string{"person-set-2", "person-set-3"} {
		g, err := put(t.Context(), d, newSet(t, "person", id))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	for _, g := range all { // as a crash leaves two: the older one goes in the background
		r := g.Record
		r.Phase = Kept
		if err := r.write(w.Folder(g.Name())); err != nil {
			t.Fatal(err)
		}
	}
	next := newFakeDeployer(t, w)
	if err := next.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept := next.kept.of("person"); kept == nil || kept.Name() != "person-3" || w.containers["person-2"] != nil {
		t.Errorf("kept is %v\n%s", kept, w)
	}
}
