package deployer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// database is a service whose data allow one process at a time. It keeps a row for
// each start.
func database(o *deployer.Options) {
	db := service("db", 5432)
	db.Data, db.Replace = []string{"/data"}, deployer.StopFirst
	o.Services = []deployer.Service{db}
	o.Publish = []deployer.Publish{{Interface: "eth0", Port: 54, Protocol: "tcp", Service: "db"}}
}

// rows writes a row into the data.
func rows(text string) []string { return []string{"append /data/rows " + text, "serve"} }

// dataOf gives what is in the data of a service.
func (w *world) dataOf(service string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.data[service].live["/data/rows"]
}

// withDatabase starts an agent on a machine where the set db-1 is live.
func withDatabase(t *testing.T, changes ...func(*deployer.Options)) *agent {
	t.Helper()
	a := newWorld().start(t, append([]func(*deployer.Options){database}, changes...)...)
	a.put(set("db", "db-1", rows("one")...))
	a.isLive("db", "db-1", "db-1")
	return a
}

func TestTheOldOneEndsBeforeTheNewOneBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := withDatabase(t, func(o *deployer.Options) { o.Services[0].Health.Path = "/" })
		before := len(a.done())
		a.put(set("db", "db-2", rows("two")...))
		pass(time.Second)
		a.isLive("db", "db-2", "db-2")
		if got := a.dataOf("db"); got != "one\ntwo\n" {
			t.Errorf("the data are %q", got)
		}
		var acts []string
		for _, act := range a.done()[before:] {
			if slices.Contains([]string{"install", "hold", "ports", "disconnect", "quit", "save data", "launch", "release", "end hold", "drop data"}, act) {
				acts = append(acts, act)
			}
		}
		want := []string{
			"install", "hold", "ports", "drop data", "disconnect", "quit", "save data", "launch",
			"ports", "release", "ports", "end hold", "drop data",
		}
		if !slices.Equal(acts, want) {
			t.Errorf("what was done:\n%q\nnot\n%q", acts, want)
		}
		steps := map[string]bool{}
		for _, s := range a.lastOf(deployer.WentLive, "db").Steps {
			steps[s.Name] = true
		}
		for _, step := range []string{"hold", "stop", "save", "start", "prove", "switch"} {
			if !steps[step] {
				t.Errorf("no step %s: %v", step, steps)
			}
		}
		a.only(t, "db", "db-2")
		if e := a.of(deployer.Died, "db"); len(e) > 0 {
			t.Errorf("its end on purpose was taken for a death: %+v", e)
		}
	})
}

// Whatever fails, at whichever act: the old one serves again, on its data as they
// were, and nobody's connection was refused.
func TestAFailureAnywhereHasTheOldOneServeOnItsDataAsTheyWere(t *testing.T) {
	acts := actsOfAReplacement(t)
	if len(acts) < 20 {
		t.Fatalf("a deploy made %d acts only: %q", len(acts), acts)
	}
	for n, act := range acts {
		for _, half := range []bool{false, true} {
			bubble(t, fmt.Sprintf("act %d, %s, half %t", n+1, act, half), func(t *testing.T) {
				a := withDatabase(t)
				a.fails(half, n+1)
				a.put(set("db", "db-2", rows("two")...))
				pass(2 * time.Minute)
				if len(a.of(deployer.Failed, "db")) == 0 { // it was no reason to fail
					a.isLive("db", "db-2", "db-2")
					return
				}
				a.isLive("db", "db-1", "db-1")
				if got, n := a.dataOf("db"), a.instance("db-1").starts; !slices.Contains([]string{"one\n", "one\none\n"}, got) || n > 2 {
					t.Errorf("started %d times, the data are %q", n, got)
				}
				a.owned()
			})
		}
	}
}

// actsOfAReplacement gives the acts of a deploy of db-2 up to its end.
func actsOfAReplacement(t *testing.T) (acts []string) {
	synctest.Test(t, func(t *testing.T) {
		a := withDatabase(t)
		before := len(a.done())
		a.put(set("db", "db-2", rows("two")...))
		pass(5 * time.Second)
		acts = a.done()[before:]
	})
	return acts
}

func TestABuildThatIsBrokenLeavesTheDataAsTheyWere(t *testing.T) {
	for name, script := range map[string][]string{
		"it ends":                 {"append /data/rows broken", "exit 1"},
		"it ends later":           {"append /data/rows broken", "exit 1 after 1s"},
		"it is never healthy":     {"append /data/rows broken", "print never listens"},
		"it does not heed":        {"append /data/rows broken", "deaf"},
		"it ends in its own time": {"append /data/rows broken", "linger 3s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := withDatabase(t)
				a.put(set("db", "db-2", script...))
				a.eventually("it has failed", func() bool { return len(a.of(deployer.Failed, "db")) > 0 })
				a.isLive("db", "db-1", "db-1")
				if got := a.dataOf("db"); got != "one\none\n" {
					t.Errorf("the data are %q", got)
				}
				if s := a.status("db"); s.Failed != "db-2" || s.Restarts > 0 {
					t.Errorf("status %+v", s)
				}
				a.put(set("db", "db-3", rows("three")...))
				pass(time.Second)
				a.isLive("db", "db-3", "db-3")
				if got := a.dataOf("db"); got != "one\none\nthree\n" {
					t.Errorf("the data are %q", got)
				}
			})
		})
	}
}

// A request that is under way is answered before its service is asked to end; a
// connection that is only kept open is no reason to wait.
func TestRequestsUnderWayAreAnsweredFirst(t *testing.T) {
	for name, c := range map[string]struct {
		busy  int
		until time.Duration
		asked time.Duration // when about
		gaps  bool          // between one request and the next
	}{
		"kept open":       {0, 0, 30 * time.Millisecond, false},
		"one under way":   {1, 3 * time.Second, 3 * time.Second, false},
		"one without end": {1, time.Hour, time.Minute, false},
		"hardly a gap":    {1, time.Hour, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := withDatabase(t)
				a.with(func() { a.instances["db-1"].open, a.instances["db-1"].busyConns = 3, c.busy })
				began := time.Now()
				if c.gaps { // of a single look
					i := a.instances["db-1"]
					go func() {
						Pause(t, 5*time.Millisecond) // in between two looks
						for busy := 0; Pause(t, 10*time.Millisecond); busy = 1 - busy {
							a.with(func() { i.busyConns = busy })
						}
					}()
				}
				time.AfterFunc(c.until, func() { a.with(func() { a.instances["db-1"].busyConns = 0 }) })
				a.see(set("db", "db-2", rows("two")...))
				a.eventually("the old one is asked", func() bool { return slices.Contains(a.acted(), "ask db-1") })
				if took := time.Since(began); took < c.asked || took > c.asked+300*time.Millisecond {
					t.Errorf("asked after %s, not %s", took, c.asked)
				}
				a.eventually("the new one serves", func() bool { return a.live("db") == "db-2" })
			})
		})
	}
}

// pause waits in the bubble, and says whether the test goes on.
func Pause(t *testing.T, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-t.Context().Done():
		return false
	}
}

// Newer artefacts that come in the midst of it come next, on the data as they were.
func TestNewerArtefactsInTheMidstOfAReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := withDatabase(t)
		a.see(set("db", "db-2", "append /data/rows two", "print never listens"))
		pass(time.Second)
		if !a.portsHeld("db") {
			t.Fatalf("nothing is held:\n%s", a.world)
		}
		a.put(set("db", "db-3", rows("three")...))
		a.eventually("the newest serves", func() bool { return a.status("db").Set == "db-3" && a.status("db").State == "live" })
		pass(time.Second)
		a.isLive("db", a.live("db"), "db-3")
		if got := a.dataOf("db"); got != "one\none\nthree\n" {
			t.Errorf("the data are %q", got)
		}
	})
}

func (w *world) portsHeld(service string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ports.Held[service].IsValid()
}

// One that ends by itself in the midst of being started again, or drains still, is
// not beside the new one.
func TestWhatStillRunsOfItEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		overlapping := func(o *deployer.Options) { o.Services[0].Data, o.Services[0].Replace = nil, deployer.Overlap }
		a := withDatabase(t, overlapping)
		a.with(func() { a.instances["db-1"].open = 1 }) // it drains for long
		a.put(set("db", "db-2"))
		var o deployer.Options
		database(&o)
		o.Services[0].Data = nil
		if _, err := a.Configure(t.Context(), o.Services, o.Publish); err != nil {
			t.Fatal(err)
		}
		a.put(set("db", "db-3"))
		pass(time.Second)
		acts := a.acted()
		begins := slices.Index(acts, "launch db-3")
		for _, ends := range []string{"end db-1", "end db-2"} {
			if at := slices.Index(acts, ends); at < 0 || at > begins {
				t.Errorf("no %q before the new one begins: %q", ends, acts)
			}
		}
		pass(5 * time.Second)
		a.isLive("db", "db-3", "db-3")
		a.only(t, "db", "db-3")
	})
	synctest.Test(t, func(t *testing.T) {
		a := withDatabase(t)
		a.failWith("launch db-1", errors.New("not now"))
		a.world.dies("db-1")
		pass(time.Second) // it is tried again in six seconds
		a.failWith("launch db-1", nil)
		a.put(set("db", "db-2", rows("two")...))
		pass(time.Minute)
		a.isLive("db", "db-2", "db-2")
		a.only(t, "db", "db-2")
	})
}

// A relay that is killed costs those who waited there, and nothing else.
func TestTheRelayIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := withDatabase(t)
		a.see(set("db", "db-2", "append /data/rows two", "serve after 2s"))
		pass(time.Second)
		a.with(func() { delete(a.held, "db") })
		pass(5 * time.Second)
		a.isLive("db", "db-2", "db-2")
		if e := a.lastOf(deployer.Warning, "db"); !strings.Contains(e.Reason, "connections that were held") {
			t.Errorf("told %+v", e)
		}
	})
}

// An agent that is killed before any act of a replacement is followed by one that
// finds its way, and so is that, when it is killed in its recovery. The data are those
// of what is live.
func TestTheNextAgentFindsItsWayOutOfAReplacement(t *testing.T) {
	acts := len(actsOfAReplacement(t))
	for _, reboot := range []bool{false, true} {
		for _, broken := range []bool{false, true} {
			for n := 1; n <= acts; n++ {
				for again, over := 0, false; !over; again++ {
					bubble(t, fmt.Sprintf("reboot %t, broken %t, killed at act %d, and in the recovery at %d", reboot, broken, n, again), func(t *testing.T) {
						over = findsItsWayOut(t, reboot, broken, n, again) || again == 0 && n%4 != 0
					})
				}
			}
		}
	}
}

func findsItsWayOut(t *testing.T, reboot, broken bool, n, again int) (over bool) {
	a := withDatabase(t)
	a.killed(n, func() {
		if broken {
			a.put(set("db", "db-2", "append /data/rows two", "exit 1 after 1s"))
		} else {
			a.put(set("db", "db-2", rows("two")...))
		}
	})
	if reboot {
		a.reboots()
		a.with(func() { clear(a.held); a.ports.Held = nil })
	}
	if again > 0 {
		over = a.recoveryKilled(t, again, database)
		a.recoveryKilled(t, 1+(n+again)%7, database)
	}
	next := a.next(database)
	next.settled()
	live := next.live("db")
	next.serves("db", live)
	got := strings.ReplaceAll(next.dataOf("db"), "one\none\n", "one\n")
	for strings.Contains(got, "one\none\n") {
		got = strings.ReplaceAll(got, "one\none\n", "one\n")
	}
	want := map[string]string{"db-1": "one\n", "db-2": "one\ntwo\n"}[live]
	for strings.Contains(got, "two\ntwo\n") { // started again
		got = strings.ReplaceAll(got, "two\ntwo\n", "two\n")
	}
	next.mu.Lock()
	saved := next.data["db"].saved
	next.mu.Unlock()
	if saved != nil {
		t.Error("a copy of the data is left, though it is known which are to be")
	}
	if got != want || broken && live != "db-1" {
		t.Errorf("%s is live, with the data %q", live, next.dataOf("db"))
	}
	next.put(set("db", "db-3", rows("three")...))
	pass(time.Minute)
	next.isLive("db", next.live("db"), "db-3")
	return over
}
