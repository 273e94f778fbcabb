package deployer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// errLate is how an engine says that a call has met its own deadline.
var errLate = fmt.Errorf("no answer from liblxc within 20s: %w", deployer.ErrLate)

// deploys says how often a deploy of a service has begun.
func (a *agent) deploys(service string) int { return len(a.of(deployer.Deploying, service)) }

// What a slow machine has not done in time is done again, by itself and with a
// pause that grows.
func TestWhatWasTooSlowIsTriedAgain(t *testing.T) {
	for _, act := range []string{"create", "start", "record", "install", "launch a-2"} {
		bubble(t, act, func(t *testing.T) {
			a := running(t, abc)
			a.failWith(act, errLate)
			a.put(set("a", "a-2"))
			for i, after := range []int{2, 4, 8, 16, 32, 60, 60} {
				if n := a.deploys("a"); n != i+2 {
					t.Fatalf("it is tried for the %d. time, want %d", n-1, i+1)
				}
				again := fmt.Sprintf("; it is tried again in %s", time.Duration(after)*time.Second)
				if e := a.lastOf(deployer.Failed, "a"); !strings.HasSuffix(e.Reason, again) || e.Kept || !strings.HasSuffix(a.status("a").Newest.Reason, again) {
					t.Errorf("told %+v, want %q", e, again)
				}
				if act == "launch a-2" { // the next one has another name
					break
				}
				pass(time.Duration(after)*time.Second - time.Millisecond)
				if n := a.deploys("a"); n != i+2 {
					t.Errorf("it was not %d s until the next", after)
				}
				pass(time.Millisecond)
			}
			a.isLive("a", "a-1", "a-1")
			a.heals()
			pass(time.Minute)
			a.isLive("a", a.live("a"), "a-2")
			n := a.deploys("a")
			pass(10 * time.Minute)
			if a.deploys("a") != n || a.status("a").State != "live" {
				t.Errorf("it is tried again though it is live: %+v", a.status("a"))
			}
		})
	}
}

// A start that hangs is cut off by the engine.
func TestAStartThatHangsIsTriedAgain(t *testing.T) {
	bubble(t, "when it no longer does", func(t *testing.T) {
		a := running(t, abc)
		a.slow = map[string]time.Duration{"create": time.Second}
		a.put(set("a", "a-2"))
		pass(500 * time.Millisecond)
		a.with(func() { a.instances["a-2"].hang = true })
		pass(31 * time.Second)
		if e := a.lastOf(deployer.Failed, "a"); e.Step != "boot" || !strings.Contains(e.Reason, "tried again in 2s") {
			t.Errorf("told %+v", e)
		}
		pass(10 * time.Second)
		a.isLive("a", "a-3", "a-2")
	})
}

// What is no fault of the machine is not tried again.
func TestWhatIsTooSlowByItselfIsNotTriedAgain(t *testing.T) {
	bubble(t, "to become healthy", func(t *testing.T) {
		a := running(t, abc, func(o *deployer.Options) { o.Services[0].Health.Command = "late" })
		a.failWith("run", errLate)
		a.put(set("a", "a-2"))
		pass(20 * time.Minute)
		if e := a.lastOf(deployer.Failed, "a"); e.Step != "prove" || strings.Contains(e.Reason, "tried again") || !e.Kept || a.deploys("a") != 2 {
			t.Errorf("told %+v", e)
		}
	})
	bubble(t, "to start, where the old one has been stopped for it", func(t *testing.T) {
		a := running(t, abc, func(o *deployer.Options) { o.Services[0].Replace = deployer.StopFirst })
		a.failWith("launch a-2", errLate)
		a.put(set("a", "a-2"))
		pass(20 * time.Minute)
		if e := a.lastOf(deployer.Failed, "a"); e.Step != "start" || strings.Contains(e.Reason, "tried again") || a.deploys("a") != 2 {
			t.Errorf("told %+v", e)
		}
		a.isLive("a", "a-1", "a-1")
	})
	bubble(t, "to take new names", func(t *testing.T) {
		a := running(t, webAndPerson)
		a.failWith("run", errLate)
		a.put(set("person", "person-2"))
		pass(20 * time.Minute)
		if e := a.lastOf(deployer.Failed, "person"); e.Step != "switch" || strings.Contains(e.Reason, "tried again") || a.deploys("person") != 2 {
			t.Errorf("told %+v", e)
		}
	})
}

// What is newer comes first, and the pause begins anew with it.
func TestWhatIsNewerComesBeforeWhatIsTriedAgain(t *testing.T) {
	for name, wish := range map[string]func(a *agent){
		"new artefacts": func(a *agent) { a.put(set("a", "a-3")) },
		"a wish": func(a *agent) {
			if res := a.ask("a"); res.Err == nil || !res.Open() {
				a.t.Errorf("%+v", res)
			}
		},
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc)
			a.failWith("create", errLate)
			a.put(set("a", "a-2"))
			pass(10 * time.Second) // the pause is 8 s by now
			n := a.deploys("a")
			wish(a)
			if e := a.lastOf(deployer.Failed, "a"); a.deploys("a") != n+1 || !strings.Contains(e.Reason, "tried again in 2s") {
				t.Errorf("told %+v", e)
			}
			a.heals()
			pass(2 * time.Second)
			if a.deploys("a") != n+2 || a.status("a").State != "live" {
				t.Errorf("status: %+v", a.status("a"))
			}
			pass(time.Minute)
			if a.deploys("a") != n+2 {
				t.Error("what was older is tried again all the same")
			}
		})
	}
}

// A service that is paused is not deployed by what is tried again, and goes on with
// it when it is resumed.
func TestAPausedServiceIsNotTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(a *agent)
		over func(a *agent) // what lets it be tried again
	}{
		"when the machine was too slow": {
			func(a *agent) { a.failWith("create", errLate); a.put(set("a", "a-2")) },
			func(a *agent) { a.heals(); pass(time.Minute) },
		},
		"when the disk was full": {
			func(a *agent) { a.hasSpace(0, 1000); a.failWith("create", unix.ENOSPC); a.put(set("a", "a-2")) },
			func(a *agent) { a.heals(); a.hasSpace(1<<30, 1000); pass(time.Minute) },
		},
		"when it was held back": {
			func(a *agent) {
				a.put(set("b", "b-2", "serve 1", "exit 1 after 5s"))
				a.put(set("a", "a-2"))
				pass(6 * time.Second)
			},
			func(a *agent) { a.put(set("b", "b-3")); pass(time.Minute) },
		},
		"when a person had gone back": {
			func(a *agent) {
				a.put(set("a", "a-0"))
				a.failWith("create", errLate)
				if res := a.result(a.Rollback("a", "a-1")); res.Err == nil || !res.Open() {
					a.t.Errorf("%+v", res)
				}
				a.put(set("a", "a-0"))
			},
			func(a *agent) { a.heals(); pass(time.Minute) },
		},
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, together)
			c.fail(a)
			if len(a.of(deployer.Failed, "a")) == 0 {
				t.Fatalf("nothing has failed: %+v", a.heard())
			}
			n, live := a.deploys("a"), a.status("a")
			a.pauses("a", true)
			c.over(a)
			if a.deploys("a") != n || a.live("a") != live.Generation {
				t.Errorf("it is tried again though it is paused: %+v", a.status("a"))
			}
			a.pauses("a", false)
			pass(10 * time.Second)
			want := "a-2"
			if name == "when a person had gone back" {
				want = "a-1"
			}
			a.isLive("a", a.live("a"), want)
			if s := a.status("a"); s.State != "live" && want == "a-2" {
				t.Errorf("status: %+v", s)
			}
		})
	}
}

func (a *agent) pauses(service string, paused bool) {
	a.t.Helper()
	if err := a.Pause(a.t.Context(), service, paused); err != nil {
		a.t.Fatal(err)
	}
}
