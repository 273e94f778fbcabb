package deployer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/watcher"
)

// newFakeDeployer gives a deployer of two services on a fake machine: web,
// which needs person and caches its name, and person.
func newFakeDeployer(t *testing.T, w *world) *Deployer {
	return New(Options{
		Services: []Service{
			{Name: "person", Base: "base", Target: "/person", Port: 8085, HealthTimeout: time.Minute, Drain: time.Second},
			{Name: "web", Base: "base", Target: "/web", Exec: "nginx", Port: 8080, Needs: []string{"person"},
				HealthTimeout: time.Minute, Drain: time.Second, ReloadCommand: "nginx -s reload"},
		},
		Logs: w.logs, KeepLogs: 1 << 20, KeepGenerations: 5, KeepFailed: true,
		Machine: mortal{w}, Network: w, Probe: w.probe,
		Tell: func(e Event) { t.Logf("event: %+v", e) },
	})
}

// newSet gives an artefact set of one JAR.
func newSet(t *testing.T, service, id string) watcher.Set {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "App.jar"), []byte("bytes of "+id), 0o644); err != nil {
		t.Fatal(err)
	}
	return watcher.Set{Service: service, ID: id, Dir: dir, Files: []watcher.File{{Name: "App.jar"}}}
}

// put deploys a set, without a lane.
func put(ctx context.Context, d *Deployer, set watcher.Set) (*Generation, error) {
	s := d.wiring.services[set.Service]
	g, _, err := d.deploy(ctx, s, set, d.wiring.current(set.Service), nil)
	return g, err
}

// newSystem gives a world in which person-1 and web-1 are live.
func newSystem(t *testing.T) (*world, *Deployer) {
	w := newWorld(t)
	d := newFakeDeployer(t, w)
	for _, service := range []string{"person", "web"} {
		if _, err := put(t.Context(), d, newSet(t, service, service+"-set-1")); err != nil {
			t.Fatal(err)
		}
	}
	return w, d
}

func TestADeployMovesNamesAndPorts(t *testing.T) {
	w, d := newSystem(t)
	web := w.containers["web-1"]
	before := web.names["person"]
	old := d.wiring.current("person")
	g, err := put(t.Context(), d, newSet(t, "person", "person-set-2"))
	if err != nil {
		t.Fatal(err)
	}
	if g.Name() != "person-2" || g.Phase != Live || old.Phase != Draining {
		t.Errorf("%s is %s and %s is %s", g.Name(), g.Phase, old.Name(), old.Phase)
	}
	if web.names["person"] != g.Address || web.names["person"] == before {
		t.Errorf("web calls person at %s, which is at %s now", web.names["person"], g.Address)
	}
	if web.rewired != 1 {
		t.Errorf("web was told %d times", web.rewired)
	}
	if w.ports["person"] != g.target() {
		t.Errorf("ports lead to %v", w.ports)
	}
	if got := w.containers["person-2"].files["/person/App.jar"]; got != "bytes of person-set-2" {
		t.Errorf("installed is %q", got)
	}
	if run := w.containers["person-2"].files["/etc/jarloop/run"]; !strings.Contains(run, "java -jar /person/App.jar") {
		t.Errorf("the unit runs %q", run)
	}
}

// callsOf counts the calls of the world that one deploy of person-2 makes.
func callsOf(t *testing.T) (int, []string) {
	w, d := newSystem(t)
	before := w.calls
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err != nil {
		t.Fatal(err)
	}
	return w.calls - before, w.log[before:]
}

// Wherever a deploy fails, the machine afterwards is the machine before, but
// for the one generation that is kept when there is something to look into. The
// steps come from the code: each call that a deploy makes fails once, before
// and after its effect.
func TestAFailureAnywhereLeavesTheMachineAsItWas(t *testing.T) {
	calls, names := callsOf(t)
	if calls < 12 {
		t.Fatalf("a deploy made %d calls only: %v", calls, names)
	}
	for n := 1; n <= calls; n++ {
		for _, how := range []struct{ half, keep bool }{{}, {half: true}, {keep: true}, {half: true, keep: true}} {
			half := how.half
			if names[n-1] == "probe" {
				continue // one that fails is asked again: it is no failure yet
			}
			t.Run(fmt.Sprintf("call %d, %s, half %t, to be kept %t", n, names[n-1], half, how.keep), func(t *testing.T) {
				w, d := newSystem(t)
				d.KeepFailed = how.keep
				before := w.String()
				w.fail[w.calls+n], w.half = true, half
				_, err := put(t.Context(), d, newSet(t, "person", "person-set-2"))
				if names[n-1] == "run" && err == nil {
					return // a guest that has not booted yet is asked again
				}
				var step *stepError
				if !errors.As(err, &step) || !errors.Is(err, errInjected) || step.Step == "" {
					t.Fatalf("the deploy said %v", err)
				}
				if step.Undo != nil {
					t.Errorf("undoing said %v", step.Undo)
				}
				installed := slices.Contains([]string{"install", "wait for needs", "start", "prove", "switch"}, step.Step)
				if kept := checkAsBefore(t, w, d, before); (kept != nil) != (how.keep && installed) {
					t.Errorf("%v: kept is %v", err, kept)
				}
			})
		}
	}
}

// withoutRewires leaves out how often a dependent was told that names moved:
// going back tells it once more.
func withoutRewires(text string) string {
	for n := range 10 {
		text = strings.ReplaceAll(text, fmt.Sprintf("rewired=%d", n), "")
	}
	return text
}

// What an undo could not do is done by the next repair and sweep.
func TestAFailedUndoIsMadeUpForLater(t *testing.T) {
	calls, names := callsOf(t)
	for n := 1; n <= calls; n++ {
		for second := 1; second <= 8; second++ {
			if names[n-1] == "probe" || names[n-1] == "run" {
				continue
			}
			t.Run(fmt.Sprintf("call %d, %s, and the %d. after it", n, names[n-1], second), func(t *testing.T) {
				w, d := newSystem(t)
				before := w.String()
				w.fail[w.calls+n], w.fail[w.calls+n+second] = true, true
				if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err == nil {
					t.Fatal("the deploy did not fail")
				}
				w.fail = map[int]bool{}
				d.tidy(t.Context())
				d.sweep(t.Context())
				checkAsBefore(t, w, d, before)
			})
		}
	}
}

// TestWhatSomebodyElseMakesByOurNameIsNotTouched has a container appear by the
// very name that the next generation has just been given.
func TestWhatSomebodyElseMakesByOurNameIsNotTouched(t *testing.T) {
	w, d := newSystem(t)
	w.meanwhile = map[string]func(){"lease": func() {
		w.containers["person-2"] = &fakeContainer{base: "elsewhere", running: true, init: 77}
		if err := os.Mkdir(w.Folder("person-2"), 0o755); err != nil {
			t.Error(err)
		}
	}}
	_, err := put(t.Context(), d, newSet(t, "person", "person-set-2"))
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "person-2 is somebody else's: deploy again") {
		t.Errorf("the deploy said %v", err)
	}
	if c := w.containers["person-2"]; c == nil || !c.running || c.base != "elsewhere" {
		t.Errorf("somebody else's container is %+v", c)
	}
	if _, err := os.Stat(w.Folder("person-2")); err != nil {
		t.Errorf("its folder: %v", err)
	}
	if live := d.wiring.current("person"); live.Name() != "person-1" || w.ports["person"] != live.target() || w.leases["person-2"].IsValid() {
		t.Errorf("%s is live:\n%s", live.Name(), w)
	}
	if g, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err != nil || g.Name() != "person-3" {
		t.Errorf("asked again: %v, %v", g.Name(), err)
	}
}

func TestACancelledDeployLeavesTheMachineAsItWas(t *testing.T) {
	w, d := newSystem(t)
	before := w.String()
	ctx, cancel := context.WithCancelCause(t.Context())
	d.Probe = func(context.Context, string, string) error { cancel(errNewer); return errors.New("not yet") }
	if _, err := put(ctx, d, newSet(t, "person", "person-set-2")); !errors.Is(err, errNewer) {
		t.Fatalf("the deploy said %v", err)
	}
	if after := w.String(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestTheEndOfTheProcessEndsTheWait(t *testing.T) {
	w, d := newSystem(t)
	d.Probe = func(context.Context, string, string) error {
		report := filepath.Join(d.Logs, "person", "2", "reports", "exit")
		if err := os.WriteFile(report, []byte("exit-code exited 1\n"), 0o644); err != nil {
			t.Error(err)
		}
		return errors.New("connection refused")
	}
	_, err := put(t.Context(), d, newSet(t, "person", "person-set-2"))
	var died *diedError
	if !errors.As(err, &died) || !strings.Contains(err.Error(), "exited with status 1") {
		t.Errorf("the deploy said %v", err)
	}
	if kept := d.kept.of("person"); kept == nil || kept.Name() != "person-2" {
		t.Errorf("kept is %v", kept)
	}
	if w.ports["person"] != d.wiring.current("person").target() || d.wiring.current("person").Name() != "person-1" {
		t.Errorf("person-1 does not serve any more: %v", w.ports)
	}
}
