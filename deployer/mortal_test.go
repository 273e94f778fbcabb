package deployer

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mortal is the world as an agent sees it that may be killed: before any call
// of the world, and before anything that it does to the folder of a container,
// such as writing its record.
type mortal struct{ *world }

var errDead = errors.New("the agent is dead")

// Folder leads nowhere for an agent that is dead, or to whom the disk is sealed,
// so that it writes nothing.
func (m mortal) Folder(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.act() || m.sealed {
		return "/nonexistent/" + name
	}
	return m.world.Folder(name)
}

// act counts one act, and says whether the agent is dead. The lock is held.
func (w *world) act() (dead bool) {
	w.acts++
	return w.deadly > 0 && w.acts >= w.deadly
}

// dies lets the agent do so many acts more but one.
func (w *world) dies(at int) { w.deadly = w.acts + at }

// reboots stops all that runs, and takes the rules away.
func (w *world) reboots() {
	for name, c := range w.containers {
		if name != "foreign-1" {
			c.running, c.unit = false, false
		}
	}
	clear(w.ports)
}

// newAgent forgets what an agent had in its memory, and gives the next one.
func (w *world) newAgent(t *testing.T) *Deployer {
	t.Helper()
	w.deadly, w.leases = 0, map[string]netip.Addr{}
	return newFakeDeployer(t, w)
}

// recoveryDies has the next agent killed while it takes stock, and says whether
// it was through before.
func (w *world) recoveryDies(t *testing.T, at int) (over bool) {
	t.Helper()
	next := w.newAgent(t)
	first := w.acts
	w.dies(at)
	_ = next.recover(t.Context())
	return w.acts-first < at
}

// nextAgent gives the next agent, which has taken stock.
func (w *world) nextAgent(t *testing.T) *Deployer {
	t.Helper()
	next := w.newAgent(t)
	if err := next.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	return next
}

// hurt notes that a service is ended to which a port leads. The lock is held.
func (w *world) hurt(how, name string) {
	c := w.containers[name]
	for service, target := range w.ports {
		if c.running && c.unit && target.Addr() == c.address {
			w.harm = append(w.harm, how+" "+name+", which serves "+service)
		}
	}
}

// truth is what is to be live of a service after a crash, found by nothing but
// what is on the disk and what runs: the newest whose record says live and
// whose service runs; else the newest that drains and whose service runs; else
// the newest whose record says live.
func (w *world) truth(t *testing.T, service string) (name string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, service+"-*", "jarloop.json"))
	if err != nil {
		t.Fatal(err)
	}
	newest, most := 0, 0
	for _, file := range files {
		var r struct {
			Number int
			Phase  string
		}
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		of := filepath.Base(filepath.Dir(file))
		c := w.containers[of]
		runs := c != nil && c.running && c.unit
		worth := 0
		switch {
		case r.Phase == "live" && runs:
			worth = 3
		case r.Phase == "draining" && runs:
			worth = 2
		case r.Phase == "live":
			worth = 1
		}
		if worth > most || worth > 0 && worth == most && r.Number > newest {
			name, newest, most = of, r.Number, worth
		}
	}
	return name
}

// check checks that names and ports lead to that generation of a service, that
// it serves, and that nothing was done on the way to what served.
func (w *world) check(t *testing.T, service, live string) {
	t.Helper()
	c := w.containers[live]
	if c == nil || !c.running || !c.unit {
		t.Fatalf("%q does not serve:\n%s", live, w)
	}
	if got := w.ports[service].Addr(); got != c.address {
		t.Errorf("ports of %s lead to %s, not to %s at %s:\n%s", service, got, live, c.address, w)
	}
	for name, other := range w.containers {
		if needed, named := other.names[service]; named && other.running && needed != c.address {
			t.Errorf("%s calls %s at %s, not %s at %s", name, service, needed, live, c.address)
		}
		if cached, read := other.cached[service]; read && other.unit && cached != c.address {
			t.Errorf("%s still calls %s at %s, not %s at %s", name, service, cached, live, c.address)
		}
	}
	if len(w.harm) > 0 {
		t.Errorf("harm was done: %s", strings.Join(w.harm, "; "))
	}
	if w.containers["foreign-1"] == nil {
		t.Error("a foreign container is gone")
	}
}

// checkEachHasAnOwner checks that every generation that is left is one that the
// agent cares for: else nobody ever removes it.
func checkEachHasAnOwner(t *testing.T, d *Deployer, w *world) {
	t.Helper()
	owned := map[string]bool{}
	own := func(g *Generation) {
		if g != nil {
			owned[g.Name()] = true
		}
	}
	for _, l := range d.all() {
		own(l.live)
		own(l.standby)
		own(d.kept.of(l.s.Name))
		for g := range l.draining {
			own(g)
		}
	}
	for g := range d.garbage.list() {
		own(g)
	}
	folders, err := filepath.Glob(filepath.Join(w.dir, "*", "jarloop.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range folders {
		if name := filepath.Base(filepath.Dir(file)); !owned[name] {
			t.Errorf("nobody cares for %s:\n%s", name, w)
		}
	}
}

// briefly is a context for what a dead agent would wait for.
func briefly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
