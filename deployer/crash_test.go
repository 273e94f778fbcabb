package deployer_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// killed has the agent killed before the so-maniest act from now on, while do
// happens and some time after it.
func (a *agent) killed(at int, do func()) {
	a.dies(at)
	do()
	pass(10 * time.Second)
	_ = a.stop()
}

// reboots stops all that runs, and takes the rules away.
func (w *world) reboots() {
	w.with(func() {
		for _, i := range w.instances {
			if !i.foreign {
				w.ports.Targets = nil // nothing leads there any more
				w.halt(i)
			}
		}
	})
}

// recoveryKilled has the next agent killed while it takes stock, and says whether
// it was through before.
func (w *world) recoveryKilled(t *testing.T, at int, changes ...func(*deployer.Options)) (over bool) {
	t.Helper()
	d := w.door()
	d.dieAt = at
	a := w.startAt(t, d, changes...)
	pass(time.Second)
	_ = a.stop()
	return !a.isDead()
}

// settled waits until nothing drains any more, and checks that each instance has
// somebody who cares for it.
func (a *agent) settled() {
	a.t.Helper()
	if !a.ready {
		a.t.Fatalf("the agent has not taken stock:\n%s", a.world)
	}
	pass(90 * time.Second)
	a.owned()
	for _, s := range a.Status() {
		if len(s.Draining) > 0 || len(s.Left) > 0 {
			a.t.Errorf("left of %s: %+v", s.Service, s)
		}
	}
}

// An agent that is killed before any act, a record's writing among them, is
// followed by one that finds its way; and by another, when that one is killed
// in its recovery, three deep. It may have gone with the whole VM.
func TestTheNextAgentFindsItsWayAfterAnyAct(t *testing.T) {
	_, acts := actsOfADeploy(t)
	for _, reboot := range []bool{false, true} {
		for n := 1; n <= acts; n++ {
			for again := 0; ; again++ { // at which act of the recovery the next agent is killed; 0: it is not
				over := false
				bubble(t, fmt.Sprintf("reboot %t, killed at act %d, and in the recovery at %d", reboot, n, again), func(t *testing.T) {
					over = findsItsWay(t, reboot, n, again)
				})
				if over {
					break
				}
			}
		}
	}
}

// findsItsWay kills three agents, and says whether the second had taken stock
// before.
func findsItsWay(t *testing.T, reboot bool, n, again int) (over bool) {
	a := running(t, webAndPerson)
	a.killed(n, func() { a.put(set("person", "person-2")) })
	if reboot {
		a.reboots()
	}
	truth := a.truth("person")
	if truth == "" {
		t.Fatalf("nothing is live:\n%s", a.world)
	}
	if again > 0 {
		over = a.recoveryKilled(t, again, webAndPerson)
		a.recoveryKilled(t, 1+(n+again)%7, webAndPerson)
	}
	next := a.next(webAndPerson)
	next.serves("person", truth)
	next.settled()
	next.serves("person", truth)
	next.serves("web", "web-1")
	if live := next.live("person"); live != truth {
		t.Errorf("%s is said to be live, not %s", live, truth)
	}
	if kept := next.status("person").Failed; kept != "" && next.instance(kept).unit != nil {
		t.Errorf("%s is kept, and its service runs:\n%s", kept, next.world)
	}
	return over
}

// The services of one build go live together, also where the agent is killed in
// the midst of it.
func TestASwitchOfSeveralIsOneAlsoForTheNextAgent(t *testing.T) {
	together := func(o *deployer.Options) { webAndPerson(o); o.Together = true }
	for n, over := 1, false; !over; n++ {
		bubble(t, fmt.Sprintf("killed at act %d", n), func(t *testing.T) {
			a := running(t, together)
			a.killed(n, func() {
				a.Changed("person")
				a.Changed("web")
				pass(20 * time.Millisecond) // until their files are still
				a.see(set("person", "person-2"))
				a.see(set("web", "web-2"))
				synctest.Wait()
			})
			over = !a.isDead()
			person, web := "person-1", "web-1"
			if a.truth("person") != person || a.truth("web") != web {
				person, web = "person-2", "web-2"
			}
			next := a.next(together)
			next.serves("person", person)
			next.serves("web", web)
			next.settled()
			next.serves("person", person)
			next.serves("web", web)
		})
	}
}

// died has person-2 live in place of person-1, which drains, and its service end.
func died(t *testing.T, at int) *agent {
	a := running(t, webAndPerson)
	a.put(set("person", "person-2"))
	a.dies(at)
	a.world.dies("person-2")
	return a
}

// An agent that is killed while it goes back to the generation before, at any
// act, is followed by one with which that serves: the dead one's record may say
// that it is live, as the later of two, or the only one. So is one that is killed
// in its recovery.
func TestGoingBackIsFinishedByTheNextAgent(t *testing.T) {
	for n, ended := 1, false; !ended; n++ {
		for again, over := 0, false; !over; again++ {
			bubble(t, fmt.Sprintf("killed at act %d, and in the recovery at %d", n, again), func(t *testing.T) {
				a := died(t, n)
				pass(500 * time.Millisecond)
				ended = !a.isDead()
				_ = a.stop()
				if again > 0 {
					over = a.recoveryKilled(t, again, webAndPerson)
				}
				next := a.next(webAndPerson)
				next.serves("person", "person-1")
				if s := next.status("person"); s.Generation != "person-1" || s.State == "down" {
					t.Errorf("status: %+v", s)
				}
				if r := next.recordOf("person-1"); r.Phase != "live" {
					t.Errorf("the record of person-1 says %+v", r)
				}
				next.settled()
				next.serves("person", "person-1")
			})
		}
	}
}

// What serves is not ended when its service has gone and come again, and the
// agent is killed at any act in between.
func TestAServiceThatHasGoneAndComesAgainServesOn(t *testing.T) {
	for n := 1; n < 12; n++ {
		bubble(t, fmt.Sprintf("killed at act %d", n), func(t *testing.T) {
			a := running(t, webAndPerson)
			a.dies(n)
			var o deployer.Options
			webAndPerson(&o)
			_, _ = a.Configure(t.Context(), o.Services[1:], nil)
			synctest.Wait()
			if i := a.instance("person-1"); !i.running {
				t.Fatalf("it is gone already:\n%s", a.world)
			}
			next := a.next(webAndPerson)
			next.serves("person", "person-1")
			next.settled()
			next.serves("person", "person-1")
		})
	}
}

// An agent that is killed while it starts an ended service again is followed by
// one that does so.
func TestAStartThatWasCutOffIsMadeUpFor(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for n, ended := 1, false; !ended; n++ {
			bubble(t, fmt.Sprintf("container ended %t, killed at act %d", lost, n), func(t *testing.T) {
				a := running(t, webAndPerson)
				a.dies(n)
				a.world.dies("person-1")
				if lost {
					a.with(func() { a.halt(a.instances["person-1"]) })
				}
				pass(time.Second)
				ended = !a.isDead()
				next := a.next(webAndPerson)
				next.serves("person", "person-1")
				next.settled()
				if s := next.status("person"); s.State != "live" {
					t.Errorf("it runs, and is said to be %+v", s)
				}
			})
		}
	}
}
