package deployer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// newDead gives a world in which person-2 is live in place of person-1, which
// drains, and the service of person-2 has just ended.
func newDead(t *testing.T) (*world, *lane, *Generation) {
	w, d := newSystem(t)
	old := d.wiring.current("person")
	g, err := put(t.Context(), d, newSet(t, "person", "person-set-2"))
	if err != nil {
		t.Fatal(err)
	}
	l := d.lane("person")
	l.live, l.draining[old] = g, func() {}
	d.lane("web").live = d.wiring.current("web")
	w.ends(t, g.Name())
	return w, l, g
}

// ends ends the service of a generation by itself.
func (w *world) ends(t *testing.T, name string) {
	t.Helper()
	service, number, _ := parseName(name)
	report := filepath.Join(w.logs, service, fmt.Sprint(number), reportsFolder, "exit")
	if err := os.WriteFile(report, []byte("exit-code exited 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.containers[name].unit = false
}

// mourned does what is done about an ended service, but goes on with nothing.
func (l *lane) mourned(t *testing.T, g *Generation) {
	ctx, cancel := context.WithCancel(t.Context())
	l.mourn(ctx, g)
	cancel()
	l.background.Wait()
}

// An agent that is killed while it goes back to the generation before, at any
// act, is followed by one with which that serves: the dead one's record may say
// that it is live, as the newer of two, or the only one. So is one that is killed
// in its recovery.
func TestGoingBackIsFinishedByTheNextAgent(t *testing.T) {
	for n := 1; ; n++ {
		ended := false
		for again := 0; ; again++ { // at which act of the recovery the next agent is killed; 0: it is not
			over := false
			t.Run(fmt.Sprintf("killed at act %d, and in the recovery at %d", n, again), func(t *testing.T) {
				ended, over = goesBack(t, n, again)
			})
			if over {
				break
			}
		}
		if ended {
			break
		}
	}
}

// goesBack kills two agents, and says which of them had ended before.
func goesBack(t *testing.T, n, again int) (ended, over bool) {
	w, l, g := newDead(t)
	w.dies(n)
	first := w.acts
	l.mourned(t, g)
	ended = w.acts-first < n-1
	if w.containers[g.Name()] != nil {
		w.ends(t, g.Name()) // whoever is dead takes no report away
	}
	if again > 0 {
		over = w.recoveryDies(t, again)
	}
	next := w.nextAgent(t)
	w.check(t, "person", "person-1")
	if r, err := readRecord(w.Folder("person-1")); err != nil || r.Phase != Live {
		t.Errorf("the record of person-1 says %s, %v", r.Phase, err)
	}
	if status := next.lane("person").status(); status.Generation != "person-1" || status.State == "down" {
		t.Errorf("status: %+v", status)
	}
	checkEachHasAnOwner(t, next, w)
	return ended, over
}

// What is true cannot always be written: a disk may be full, which may even be
// why the service has ended.
func TestGoingBackNeedsNoRoomOnTheDisk(t *testing.T) {
	w, l, g := newDead(t)
	w.sealed = true
	l.mourned(t, g)
	w.check(t, "person", "person-1")
	if l.live.Name() != "person-1" {
		t.Errorf("live is %s", l.live.Name())
	}
	w.sealed = false
	w.nextAgent(t)
	w.check(t, "person", "person-1")
}

// Somebody has removed the container of what was live. Nothing leads there any
// more, and what is newest is asked for, as there is nothing to start again.
func TestALiveContainerThatSomebodyRemovesIsMadeAnew(t *testing.T) {
	lost := make(chan string, 1)
	r := newRunning(t, func(o *Options) { o.Lost = func(service string) { lost <- service } })
	r.w.mu.Lock()
	delete(r.w.containers, "a-1")
	r.w.mu.Unlock()
	if err := os.RemoveAll(r.w.Folder("a-1")); err != nil {
		t.Fatal(err)
	}
	if service := <-lost; service != "a" {
		t.Errorf("%s is lost", service)
	}
	if at, leads := r.w.portOf("a"); leads {
		t.Errorf("ports lead to %s", at)
	}
	if res := <-r.put("a", "a-1"); res.Err != nil || res.Generation != "a-2" {
		t.Errorf("%s is live, %v", res.Generation, res.Err)
	}
	if at, _ := r.w.portOf("a"); at != r.wiring.current("a").target() {
		t.Errorf("ports lead to %s", at)
	}
	if s := r.Status()[0]; s.State != "live" || len(s.Left) > 0 {
		t.Errorf("status: %+v", s)
	}
}
