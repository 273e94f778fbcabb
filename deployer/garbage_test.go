package deployer

import (
	"errors"
	"strings"
	"testing"
)

// A removal that fails is tried again and listed, until it goes well; one agent
// hands it to the next. It is told of once.
func TestWhatCannotBeRemovedIsNotForgotten(t *testing.T) {
	w, d := newSystem(t)
	old := d.wiring.current("person")
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err != nil {
		t.Fatal(err)
	}
	w.containers["person-1"].busy = true
	if err := d.discard(t.Context(), old, 0); err == nil {
		t.Fatal("it was removed")
	}
	var told []Event
	listen := func(d *Deployer) { told, d.Tell = nil, func(e Event) { told = append(told, e) } }
	listed := func(d *Deployer) string { return d.lane("person").status().Left["person-1"] }
	remains := func(d *Deployer) {
		t.Helper()
		for range 3 {
			d.sweep(t.Context())
		}
		if c := w.containers["person-1"]; c == nil || c.running || !strings.Contains(listed(d), "something is mounted in person-1") {
			t.Errorf("it is %+v, and listed as %q", c, listed(d))
		}
		if w.leases["person-1"].IsValid() != old.Address.IsValid() {
			t.Error("its address is free")
		}
	}
	listen(d)
	remains(d)
	if len(told) > 0 {
		t.Errorf("told again: %+v", told)
	}

	next := newFakeDeployer(t, w)
	listen(next)
	if err := next.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(told) == 0 || told[0].Kind != Warning || !strings.Contains(told[0].Reason, "something is mounted in person-1") {
		t.Errorf("the next agent tells %+v", told)
	}
	told = nil
	remains(next)
	if live := next.wiring.current("person"); live == nil || live.Name() != "person-2" {
		t.Errorf("%v is live", live)
	}

	w.containers["person-1"].busy = false
	next.sweep(t.Context())
	if w.containers["person-1"] != nil || listed(next) != "" || len(hidden(t, w)) > 0 {
		t.Errorf("it is left, and listed as %q:\n%s", listed(next), w)
	}
	if len(told) != 1 || told[0].Kind != Retired || told[0].Generation != "person-1" {
		t.Errorf("told %+v", told)
	}
}

// TestAHostsFileThatCannotBeWrittenHoldsUpWhatItMayNameAlone is about web-1, which
// needs person: it may name a generation of that, and none of its own service.
func TestAHostsFileThatCannotBeWrittenHoldsUpWhatItMayNameAlone(t *testing.T) {
	for name, next := range map[string]bool{"the agent itself": false, "the next agent": true} {
		t.Run(name, func(t *testing.T) {
			w, d := newSystem(t)
			for _, service := range []string{"person", "web"} {
				if _, err := put(t.Context(), d, newSet(t, service, service+"-set-2")); err != nil {
					t.Fatal(err)
				}
				old := &Generation{Record: Record{Service: service, Number: 1, Phase: Making}}
				old.reports = d.reportsOf(old)
				if err := old.write(w.Folder(old.Name())); err != nil {
					t.Fatal(err)
				}
				if !next {
					d.garbage.add(old, "somebody had something mounted in it")
				}
			}
			tidy := d.tidy
			w.failing = map[string]error{"names": errors.New("read-only file system")}
			if next {
				d = newFakeDeployer(t, w)
				if err := d.recover(t.Context()); err != nil {
					t.Fatal(err)
				}
				tidy = d.tidy
			}
			tidy(t.Context())
			if w.containers["web-1"] != nil || w.containers["person-1"] == nil {
				t.Errorf("it should have person-1, and not web-1:\n%s", w)
			}
			w.failing = nil
			tidy(t.Context())
			if w.containers["person-1"] != nil {
				t.Errorf("person-1 is left:\n%s", w)
			}
		})
	}
}

func TestWhatCannotBePutRightIsToldWhenItIsNews(t *testing.T) {
	w, d := newSystem(t)
	var told []string
	d.Tell = func(e Event) { told = append(told, e.Reason) }
	for _, turn := range []struct {
		fails error
		told  int
	}{
		{errors.New("a lock"), 1},
		{errors.New("a lock"), 1},
		{errors.New("no room"), 2},
		{nil, 2},
		{errors.New("no room"), 3},
	} {
		w.failing = map[string]error{"repair ports": turn.fails}
		d.tidy(t.Context())
		if len(told) != turn.told {
			t.Errorf("with %v it has been told %d times: %q", turn.fails, len(told), told)
		}
	}
}
