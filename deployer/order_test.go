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

// ordered has records say in which order generations went live.
func (w *world) ordered(ordinals map[string]int) {
	w.with(func() {
		for name, ordinal := range ordinals {
			i := w.instances[name]
			r := i.recorded()
			i.record = []byte(replaceNumber(string(i.record), "Ordinal", r.Ordinal, ordinal))
		}
	})
}

// replaceNumber replaces a number of a record.
func replaceNumber(record, key string, from, to int) string {
	return strings.Replace(record, fmt.Sprintf("%q: %d,", key, from), fmt.Sprintf("%q: %d,", key, to), 1)
}

// twoLive leaves a-1 and a-2 running, of which a-1 has gone live last.
func twoLive(t *testing.T) *agent {
	a := running(t, abc)
	a.put(set("a", "a-2"))
	_ = a.stop()
	a.ordered(map[string]int{"a-1": 3})
	return a
}

func TestWhatWasLiveLaterCountsAsLaterAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := twoLive(t)
		a.setPhase("a-1", "live") // the older one by its number
		next := a.start(t, abc)
		next.isLive("a", "a-1", "a-1")
		next.settled()
		next.only(t, "a", "a-1")
	})
}

func TestWhatWasLiveLaterCountsAsLaterInGoingBack(t *testing.T) {
	for range 6 { // which of a map comes first is by chance
		synctest.Test(t, goesBackToTheLatest)
	}
}

func goesBackToTheLatest(t *testing.T) {
	a := twoLive(t)
	a.setPhase("a-1", "draining")
	a.setPhase("a-2", "draining")
	// Both drain, as after a rollback that is followed by a deploy.
	next := a.start(t, abc)
	next.isLive("a", "a-1", "a-1")
	next.put(set("a", "a-3"))
	next.isLive("a", "a-3", "a-3")
	next.world.dies("a-3")
	synctest.Wait()
	next.isLive("a", "a-1", "a-1")
	next.settled()
}

func TestWhatWasLiveLaterCountsAsLaterWhereOneHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "exit 1"))
		if a.status("a").Failed != "a-2" {
			t.Fatal("it is not kept")
		}
		_ = a.stop()
		a.with(func() { // the live one has a higher number, but went live before
			i := a.instances["a-1"]
			i.name = "a-9"
			i.record = []byte(replaceNumber(string(i.record), "Number", 1, 9))
			delete(a.instances, "a-1")
			a.instances["a-9"] = i
		})
		next := a.start(t, abc)
		next.settled()
		next.only(t, "a", "a-2", "a-9")
		next.put(set("a", "a-10"))
		_ = next.stop()
		a.setPhase("a-9", "draining")
		third := a.start(t, abc)
		third.settled()
		third.isLive("a", "a-10", "a-10")
		third.only(t, "a", "a-10")
	})
}

// A standby that is made while others go live has the lowest number when its
// turn comes, and is what is live then, also for the next agent.
func TestAStandbyOlderThanWhatHasGoneLiveSinceIsLaterAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc, func(o *deployer.Options) { o.Standby = true })
		standby := a.status("a").Standby
		_ = a.stop()
		// Another agent, without standbys but for this one, deploys by itself.
		a.with(func() {
			i := a.instances[standby]
			i.record = []byte(replaceNumber(string(i.record), "Number", 2, 0))
			i.name = "a-0"
			delete(a.instances, standby)
			a.instances["a-0"] = i
		})
		next := a.start(t, withStandbys)
		if got := next.status("a").Standby; got != "a-0" {
			t.Fatalf("the standby is %s", got)
		}
		next.put(set("a", "a-2"))
		next.isLive("a", "a-0", "a-2")
		third := next.next(withStandbys)
		third.isLive("a", "a-0", "a-2")
		third.world.dies("a-0")
		synctest.Wait()
		third.isLive("a", "a-1", "a-1")
		fourth := third.next(withStandbys)
		fourth.isLive("a", "a-1", "a-1")
		fourth.settled()
	})
}

// before checks that of a list of acts one comes before another.
func (a *agent) before(first, second string) {
	a.t.Helper()
	log := a.acted()
	i, j := slices.Index(log, first), slices.Index(log, second)
	if i < 0 || j < 0 || i > j {
		a.t.Errorf("%q is not before %q: %q", first, second, log)
	}
}

func TestACandidateIsAskedBeforeItIsKilledAndEndsBeforeTheNextBegins(t *testing.T) {
	for name, c := range map[string]struct {
		script []string
		end    func(*agent)
		asked  bool // in time
	}{
		"superseded": {[]string{"serve 1", "linger 3s"}, func(a *agent) {}, true},
		"unhealthy": {[]string{"serve 1", "linger 3s"}, func(a *agent) {
			pass(62 * time.Second)
		}, true},
		"unhealthy and deaf": {[]string{"serve 1", "deaf"}, func(a *agent) {
			pass(62 * time.Second)
		}, false},
		"superseded and deaf": {[]string{"serve 1", "deaf"}, func(a *agent) {}, false},
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc)
			a.put(set("a", "a-2", c.script...))
			pass(time.Second)
			c.end(a)
			began := time.Now()
			a.see(set("a", "a-3"))
			a.eventually("the next one is live", func() bool { return a.status("a").Set == "a-3" })
			a.before("ask a-2", "end a-2")
			a.before("end a-2", "launch a-3")
			if killed := slices.Contains(a.acted(), "kill a-2"); killed == c.asked {
				t.Errorf("killed: %t: %q", killed, a.acted())
			}
			if took := time.Since(began); took > 10*time.Second+100*time.Millisecond {
				t.Errorf("it had a StopTimeout of 10 s, and took %s", took)
			}
			a.settled()
		})
	}
}

// An agent was killed while a candidate was being proven. The next one asks it
// first, and begins its own when it has ended.
func TestACandidateOfAnAgentThatWasKilledIsAskedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "serve 1", "linger 3s"))
		pass(time.Second)
		a.killed(1, func() {})
		next := a.start(t, abc)
		next.see(set("a", "a-3"))
		next.eventually("the next one is live", func() bool { return next.status("a").Set == "a-3" })
		next.before("ask a-2", "end a-2")
		next.before("end a-2", "launch a-3")
		if slices.Contains(next.acted(), "kill a-2") {
			t.Errorf("it was killed: %q", next.acted())
		}
	})
}

func TestTheAgentsEndAsksACandidateFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "serve 1", "linger 3s"))
		pass(time.Second)
		_ = a.stop()
		a.before("ask a-2", "end a-2")
		if slices.Contains(a.acted(), "kill a-2") {
			t.Errorf("it was killed: %q", a.acted())
		}
		a.only(t, "a", "a-1")
	})
}

// Names and ports lead to what is not removed for that reason; later it is asked
// first all the same.
func TestWhatHadToStayIsAskedFirstWhenItGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.failWith("ports", errors.New("the lock is held by somebody else"))
		a.failWith("repair ports", errors.New("the lock is held by somebody else"))
		a.put(set("a", "a-2", "serve", "linger 3s"))
		pass(20 * time.Second)
		if i := a.instance("a-2"); i.unit == nil {
			t.Fatalf("it was ended: %q", a.acted())
		}
		a.heals()
		a.settled()
		a.before("ask a-2", "end a-2")
		if slices.Contains(a.acted(), "kill a-2") {
			t.Errorf("it was killed: %q", a.acted())
		}
		a.isLive("a", "a-1", "a-1")
	})
}

func TestWhatDrainsIsAskedWithItsStopTimeout(t *testing.T) {
	for script, killed := range map[string]bool{"linger 9s": false, "linger 11s": true} {
		bubble(t, script, func(t *testing.T) {
			a := newWorld().start(t, abc)
			a.put(set("a", "a-1", "serve", script))
			a.put(set("a", "a-2"))
			a.settled()
			a.only(t, "a", "a-2")
			a.before("ask a-1", "end a-1")
			if got := slices.Contains(a.acted(), "kill a-1"); got != killed {
				t.Errorf("killed: %t: %q", got, a.acted())
			}
		})
	}
}

// A deploy may wait for long. What serves is cared for meanwhile.
func TestALiveServiceThatDiesDuringADeployIsStartedAgainAtOnce(t *testing.T) {
	for name, begin := range map[string]func(*agent){
		"while the next one is being proven": func(a *agent) { a.put(set("a", "a-2", "serve after 50s")) },
		"while the next one waits for its needs": func(a *agent) {
			a.reconfigured(func(all []deployer.Service) []deployer.Service {
				all[0].Needs = []string{"d"}
				return append(all, service("d", 8084))
			})
			a.put(set("a", "a-2"))
		},
		"while the next one boots": func(a *agent) {
			a.with(func() { a.slow = map[string]time.Duration{"create": 50 * time.Second} })
			a.put(set("a", "a-2"))
		},
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc)
			begin(a)
			pass(10 * time.Second)
			a.world.dies("a-1")
			synctest.Wait()
			a.serves("a", "a-1")
			if s := a.status("a"); s.Generation != "a-1" || s.Restarts != 1 {
				t.Errorf("status: %+v", s)
			}
			a.put(set("d", "d-1"))
			pass(time.Minute)
			if s := a.status("a"); s.Set != "a-2" || s.Restarts != 0 {
				t.Errorf("status: %+v", s)
			}
			a.settled()
			a.serves("a", a.live("a"))
		})
	}
}

// Going back, or a start, is under way when the next one goes live.
func TestWhatGoesLiveDuringARecoveryStands(t *testing.T) {
	for _, act := range []string{"launch", "ports", "record", "start", "quit"} {
		for _, old := range []bool{false, true} {
			bubble(t, act+map[bool]string{true: ", with one that drains"}[old], func(t *testing.T) {
				a := running(t, abc)
				if old {
					a.with(func() { a.instances["a-1"].open = 1 }) // which keeps it
					a.put(set("a", "a-1b", "serve", "exit 1 after 10s"))
				}
				a.put(set("a", "a-2", "serve after 10500ms"))
				pass(9900 * time.Millisecond)
				a.with(func() { a.slow = map[string]time.Duration{act: time.Second} })
				if !old {
					a.world.dies("a-1")
				}
				pass(30 * time.Second)
				if s := a.status("a"); s.Set != "a-2" || s.State != "live" || s.Restarts > 0 || len(a.of(deployer.Warning, "a")) > 0 {
					t.Errorf("status: %+v\n%+v", s, a.heard())
				}
				a.with(func() { a.slow = nil })
				a.settled()
				a.serves("a", a.live("a"))
				a.with(func() { a.harm = nil })
				a.world.dies(a.live("a")) // and is cared for
				pass(time.Second)
				a.serves("a", a.live("a"))
			})
		}
	}
}

// That the generation before is live again is known when the next one is already.
func TestWhatIsKnownLateEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.with(func() { a.instances["a-1"].open = 1 }) // which keeps it
		a.put(set("a", "a-2"))
		a.put(set("a", "a-3", "serve after 10100ms"))
		pass(10 * time.Second)
		a.with(func() { a.slow = map[string]time.Duration{"record a-1": time.Second} })
		a.world.dies("a-2")
		pass(5 * time.Second)
		if n := len(a.of(deployer.Back, "a")); n > 0 {
			t.Errorf("told %+v", a.of(deployer.Back, "a"))
		}
		a.isLive("a", "a-3", "a-3")
		if log := a.acted(); a.recordOf("a-1").Phase != "draining" {
			t.Errorf("this tests nothing: %q, %+v", log, a.recordOf("a-1"))
		}
		a.settled()
		a.only(t, "a", "a-3")
	})
}

func TestAStandbyIsGivenUpWhileNothingIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, free := sparing(t)
		pass(time.Second)
		a.with(func() { clear(a.newest) })
		free.Store(reserve - 1)
		pass(2 * time.Second)
		a.vanish("a-1")
		pass(30 * time.Second)
		if s := a.status("a"); s.Generation != "" || s.Standby != "" {
			t.Errorf("status: %+v", s)
		}
		a.only(t, "a")
		free.Store(2 * reserve)
		a.put(set("a", "a-2"))
		pass(10 * time.Second)
		if s := a.status("a"); s.Set != "a-2" || s.Standby == "" {
			t.Errorf("status: %+v", s)
		}
	})
}

// A reload of the configuration forgets nothing.
func TestAReloadKeepsRestartsAndWhatIsDeferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.world.dies("a-1")
		pass(time.Second)
		a.hasSpace(0, 1000)
		a.failWith("create", errors.New("no room"))
		a.put(set("b", "b-2"))
		again := a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[0].Drain = time.Second
			return all
		})
		if len(again) > 0 {
			t.Errorf("to be deployed again: %v", again)
		}
		if s := a.status("a"); s.Restarts != 1 {
			t.Errorf("status: %+v", s)
		}
		a.world.dies("a-1")
		pass(time.Second)
		if s := a.status("a"); s.State != "down" {
			t.Errorf("it has been started again without a pause: %+v", s)
		}
		pass(6 * time.Second)
		if e := a.lastOf(deployer.Restarted, "a"); e.Reason != "start 2 within a minute" {
			t.Errorf("told %+v", e)
		}
		a.heals()
		a.hasSpace(1<<30, 1000)
		pass(5 * time.Second)
		if s := a.status("b"); s.Set != "b-2" {
			t.Errorf("status: %+v", s)
		}
	})
}
