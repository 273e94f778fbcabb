package deployer_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// fiveNeedPerson are services of which five need person, and read its name once.
func fiveNeedPerson(o *deployer.Options) {
	o.Services = []deployer.Service{service("person", 8085)}
	for i := range 5 {
		web := service(fmt.Sprintf("web%d", i), 8080, "person")
		web.ReloadCommand = "reload"
		o.Services = append(o.Services, web)
	}
}

// leads gives how many dependents know person at each address, and how many
// still call it there.
func (w *world) leads() (know, call map[netip.Addr]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	know, call = map[netip.Addr]int{}, map[netip.Addr]int{}
	for _, i := range w.instances {
		if address, knows := i.names["person"]; knows {
			know[address]++
			call[i.cached["person"]]++
		}
	}
	return know, call
}

// actsOfTheSwitch gives the numbers of the acts that move names and ports in a
// deploy of person-2, among five dependents.
func actsOfTheSwitch(t *testing.T) (first, last int) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, fiveNeedPerson)
		before := a.done()
		a.put(set("person", "person-2"))
		for i, name := range a.done()[len(before):] {
			if name == "names" && first == 0 {
				first = i + 1
			}
			if name == "run" {
				last = i + 1
			}
		}
	})
	if want := 2*5 + 1; last-first+1 != want { // names and a command of each, and the ports
		t.Fatalf("a switch makes %d acts, want %d", last-first+1, want)
	}
	return first, last
}

// Wherever among five dependents a switch fails, all of them end on the
// generation that there was, at once, and the ports with them.
func TestAFailureAmongTheDependentsLeavesAllOnOneGeneration(t *testing.T) {
	first, last := actsOfTheSwitch(t)
	for n := first; n <= last; n++ {
		for _, half := range []bool{false, true} {
			bubble(t, fmt.Sprintf("act %d of %d, half %t", n-first+1, last-first+1, half), func(t *testing.T) {
				a := running(t, fiveNeedPerson)
				old := a.instance("person-1").address
				a.fails(half, n)
				a.put(set("person", "person-2"))
				if len(a.of(deployer.Failed, "person")) != 1 {
					t.Fatal("the deploy did not fail")
				}
				if know, call := a.leads(); know[old] != 5 || call[old] != 5 || a.portOf("person").Addr() != old {
					t.Errorf("person is at %s; names lead to %v and ports to %v, and called are %v", old, know, a.portOf("person"), call)
				}
				a.serves("person", "person-1")
			})
		}
	}
}

// A dependent that cannot be led back holds up none of the others.
func TestADependentThatCannotGoBackHoldsUpNoOther(t *testing.T) {
	first, last := actsOfTheSwitch(t)
	for n := first + 1; n <= last; n++ {
		for second := n + 1; second <= n+2*5; second++ {
			bubble(t, fmt.Sprintf("act %d, and the %d. after it", n-first+1, second-n), func(t *testing.T) {
				a := running(t, fiveNeedPerson)
				old := a.instance("person-1").address
				a.fails(false, n, second)
				a.put(set("person", "person-2"))
				if len(a.of(deployer.Failed, "person")) != 1 {
					t.Fatal("the deploy did not fail")
				}
				if know, _ := a.leads(); know[old] < 4 || a.portOf("person").Addr() != old {
					t.Errorf("person is at %s; names lead to %v and ports to %v", old, know, a.portOf("person"))
				}
				pass(20 * time.Second)
				if know, call := a.leads(); know[old] != 5 || call[old] != 5 {
					t.Errorf("after the repair names lead to %v, and called are %v", know, call)
				}
				a.serves("person", "person-1")
				a.owned()
			})
		}
	}
}

// A dependent's command does not go well. Nothing is switched, and it is told
// again until it has heard.
func TestACommandThatFailsIsRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.failWith("run", errInjected)
		a.put(set("person", "person-2"))
		if e := a.lastOf(deployer.Failed, "person"); !strings.Contains(e.Reason, "reload_command of web-1: injected") || e.Step != "switch" {
			t.Errorf("told %+v", e)
		}
		a.with(func() { a.instances["web-1"].cached = nil })
		a.heals()
		pass(5 * time.Second)
		if i := a.instance("web-1"); len(i.cached) != 1 {
			t.Errorf("it has not been told: %s", &i)
		}
		a.serves("person", "person-1")
	})
}

// A dependent's command has read the names, and ends while those of another
// service that it calls are switched. It is told of that one too.
func TestACommandThatHasReadTheNamesIsRunForTheNextOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, func(o *deployer.Options) {
			o.Services = []deployer.Service{service("person", 8085), service("session", 8086), service("web", 8080, "person", "session")}
			o.Services[2].ReloadCommand = "reload"
		})
		a.with(func() { a.slow = map[string]time.Duration{"told web-1": 10 * time.Second} })
		a.see(set("person", "person-2"))
		pass(5 * time.Second)
		if live := a.live("person"); live != "person-1" {
			t.Fatalf("%s is live before web has been told", live)
		}
		a.with(func() { a.slow = map[string]time.Duration{"names": 10 * time.Second} })
		a.see(set("session", "session-2"))
		pass(time.Minute)
		a.serves("person", "person-2")
		a.serves("session", "session-2")
	})
}

// A dependent whose service has ended reads its names when it starts again.
func TestACommandOfWhatHasEndedHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.failWith("launch", errInjected)
		a.world.dies("web-1")
		pass(time.Second)
		a.failWith("launch", nil)
		a.failWith("run", errInjected)
		a.put(set("person", "person-2"))
		a.isLive("person", "person-2", "person-2")
		pass(10 * time.Second)
		a.serves("web", "web-1")
		a.serves("person", "person-2")
	})
}

// A dependent whose container has ended has no names to be changed.
func TestADependentWhoseContainerHasEndedHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.failWith("launch web-1", errInjected)
		a.with(func() {
			delete(a.ports.Targets, "web")
			a.halt(a.instances["web-1"])
		})
		pass(10 * time.Second)
		a.put(set("person", "person-2"))
		if s := a.status("person"); s.Set != "person-2" {
			t.Errorf("status: %+v\n%+v", s, a.of(deployer.Failed, "person"))
		}
		a.heals()
		pass(10 * time.Second)
		a.serves("web", "web-1")
		a.serves("person", "person-2")
	})
}

// Names are told to what is deployed while they change.
func TestADependentThatIsDeployedMeanwhileKnowsWhatIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.put(set("web", "web-2", "serve after 10s"))
		pass(time.Second)
		a.put(set("person", "person-2"))
		pass(time.Second)
		if i := a.instance("web-2"); i.names["person"] != a.instance("person-2").address {
			t.Errorf("it is %s", &i)
		}
		pass(20 * time.Second)
		a.isLive("person", "person-2", "person-2")
		if s := a.status("web"); s.Set != "web-2" {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestWhatSomebodyHasChangedIsPutBackAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		wrong := netip.MustParseAddr("10.0.3.77")
		a.with(func() {
			a.ports.Targets = nil
			a.instances["web-1"].names = map[string]netip.Addr{"person": wrong}
			a.instances["web-1"].cached = map[string]netip.Addr{"person": wrong}
		})
		pass(5 * time.Second)
		a.serves("person", "person-1")
		if e := a.lastOf(deployer.Repaired, ""); e.Reason != "put back what somebody changed: hosts file of web-1, iptables rules" {
			t.Errorf("told %q", e.Reason)
		}
		pass(time.Minute)
		if told := a.of(deployer.Repaired, ""); len(told) != 1 {
			t.Errorf("told %+v", told)
		}
	})
}

func TestWhatCannotBePutRightIsToldWhenItIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		for i, turn := range []struct {
			fails error
			told  int
		}{
			{errors.New("a lock"), 1},
			{errors.New("a lock"), 1},
			{errors.New("no room"), 2},
			{nil, 2},
			{errors.New("no room"), 3},
		} {
			a.failWith("repair ports", turn.fails)
			pass(4 * time.Second)
			if told := a.of(deployer.Warning, ""); len(told) != turn.told {
				t.Errorf("%d, with %v: told %d times: %+v", i, turn.fails, len(told), told)
			}
		}
	})
}

// web-1, which needs person, may name a generation of that, and none of its own
// service.
func TestAHostsFileThatCannotBeWrittenHoldsUpWhatItMayNameAlone(t *testing.T) {
	for name, another := range map[string]bool{"the agent itself": false, "the next agent": true} {
		bubble(t, name, func(t *testing.T) {
			slow := func(o *deployer.Options) {
				webAndPerson(o)
				for i := range o.Services {
					o.Services[i].Drain = 10 * time.Second
				}
			}
			a := running(t, slow)
			a.with(func() {
				for _, i := range a.instances {
					i.open = 1
				}
			})
			a.put(set("person", "person-2"))
			a.put(set("web", "web-2"))
			if another {
				_ = a.stop()
			}
			d := a.door
			if another {
				d = a.world.door()
			}
			d.failWith("names", errors.New("read-only file system"))
			a.with(func() { a.instances["web-2"].names = nil })
			if another {
				a = a.startAt(t, d, slow)
			}
			pass(30 * time.Second)
			if !a.gone("web-1") || a.gone("person-1") {
				t.Errorf("it should have person-1, and not web-1:\n%s", a.world)
			}
			d.heals()
			pass(15 * time.Second)
			a.only(t, "person", "person-2")
		})
	}
}

// A switch has failed half-way, and cannot go back: ports lead to the candidate.
// It serves until they can be led back.
func TestACandidateThatPortsLeadToIsNotEnded(t *testing.T) {
	for _, keep := range []bool{false, true} {
		bubble(t, fmt.Sprintf("to be kept %t", keep), func(t *testing.T) {
			a := running(t, webAndPerson, func(o *deployer.Options) { o.KeepFailed = keep })
			a.failWith("repair ports", errors.New("the lock is held by somebody else"))
			a.failAfter("ports")
			a.put(set("person", "person-2"))
			if len(a.of(deployer.Failed, "person")) != 1 {
				t.Fatal("the switch went well")
			}
			pass(20 * time.Second)
			i := a.instance("person-2")
			if i.unit == nil || len(a.harm) > 0 || a.portOf("person").Addr() != i.address {
				t.Fatalf("ports lead to %v, and %v was done:\n%s", a.portOf("person"), a.harm, a.world)
			}
			a.owned()
			a.heals()
			pass(15 * time.Second)
			a.isLive("person", "person-1", "person-1")
			a.only(t, "person", "person-1")
		})
	}
}
