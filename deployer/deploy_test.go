package deployer_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// bubble is a subtest in a bubble of its own.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func TestADeployMovesNamesAndPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		before := a.instance("web-1").names["person"]
		a.put(set("person", "person-2", "print two", "serve"))
		a.isLive("person", "person-2", "person-2")
		web, person := a.instance("web-1"), a.instance("person-2")
		if web.names["person"] == before || web.reloads != 1 {
			t.Errorf("web calls person at %s, and was told %d times", web.names["person"], web.reloads)
		}
		if got := a.portOf("person"); got.Addr() != person.address || got.Port() != 8085 {
			t.Errorf("ports lead to %v", got)
		}
		if got := person.files["/person/App.jar"]; got != "print two\nserve" {
			t.Errorf("installed is %q", got)
		}
		if got := person.command.Line; got != "java -jar /person/App.jar" {
			t.Errorf("the service runs %q", got)
		}
		if r := a.recordOf("person-2"); r.Phase != "live" || a.recordOf("person-1").Phase != "draining" {
			t.Errorf("the records say %+v", r)
		}
		pass(5 * time.Second)
		a.only(t, "person", "person-2")
		if e := a.lastOf(deployer.Retired, "person"); e.Generation != "person-1" {
			t.Errorf("told %+v", e)
		}
	})
}

// actsOfADeploy gives the acts of a deploy of person-2, up to the record that it is
// live, and how many there are until all is quiet again.
func actsOfADeploy(t *testing.T) (acts []string, all int) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		before := len(a.done())
		a.put(set("person", "person-2"))
		pass(10 * time.Second)
		acts = a.done()[before:]
		all = len(acts)
		told := slices.Index(acts, "run") // web is told, and then that record is written
		acts = acts[:told+1+slices.Index(acts[told:], "record")]
	})
	return acts, all
}

// asBefore checks that the machine is as it was, but for a generation of person
// that is kept because its deploy failed, which it gives: its container runs with
// its address, but nothing runs in it, and nothing leads there.
func (a *agent) asBefore(before string) (kept string) {
	a.t.Helper()
	kept = a.status("person").Failed
	if kept != "" {
		i := a.instance(kept)
		if i.recorded().Phase != "kept" || !i.running || i.unit != nil || a.leased(kept) != i.address || a.portOf("person").Addr() == i.address {
			a.t.Errorf("%s is kept: %s", kept, &i)
		}
	}
	if after := a.without(kept); after != before {
		a.t.Errorf("kept is %q; before:\n%s\nafter:\n%s", kept, before, after)
	}
	for owner := range a.leases {
		if owner != kept && a.gone(owner) {
			a.t.Errorf("%s is gone, and has an address", owner)
		}
	}
	return kept
}

// Wherever a deploy fails, the machine afterwards is the machine before, but
// for the one generation that is kept when there is something to look into. The
// steps come from the code: each act of a deploy fails once, before and after its
// effect.
func TestAFailureAnywhereLeavesTheMachineAsItWas(t *testing.T) {
	acts, _ := actsOfADeploy(t)
	if len(acts) < 12 {
		t.Fatalf("a deploy made %d acts only: %v", len(acts), acts)
	}
	for n, act := range acts {
		for _, how := range []struct{ half, keep bool }{{}, {half: true}, {keep: true}, {half: true, keep: true}} {
			bubble(t, fmt.Sprintf("act %d, %s, half %t, to be kept %t", n+1, act, how.half, how.keep), func(t *testing.T) {
				a := running(t, webAndPerson, func(o *deployer.Options) { o.KeepFailed = how.keep })
				before := a.String()
				a.fails(how.half, n+1)
				a.put(set("person", "person-2"))
				if len(a.of(deployer.Failed, "person")) == 0 {
					t.Fatalf("it went well:\n%s", a.world)
				}
				e := a.lastOf(deployer.Failed, "person")
				if e.Step == "" || !strings.Contains(e.Reason, errInjected.Error()) || e.Serving != "person-1" {
					t.Errorf("told %+v", e)
				}
				if left := a.status("person").Left; left != nil {
					t.Errorf("left are %v", left)
				}
				installed := slices.Contains([]string{"install", "wait for needs", "start", "prove", "switch"}, e.Step)
				if kept := a.asBefore(before); (kept != "") != (how.keep && installed) || (kept != "") != e.Kept {
					t.Errorf("%+v: kept is %q", e, kept)
				}
				a.serves("person", "person-1")
				a.serves("web", "web-1")
			})
		}
	}
}

// What an undo could not do is done by the clock.
func TestAFailedUndoIsMadeUpForLater(t *testing.T) {
	acts, _ := actsOfADeploy(t)
	for n, act := range acts {
		for second := 1; second <= 10; second++ {
			bubble(t, fmt.Sprintf("act %d, %s, and the %d. after it", n+1, act, second), func(t *testing.T) {
				a := running(t, webAndPerson)
				before := a.String()
				a.fails(false, n+1, n+1+second)
				a.put(set("person", "person-2"))
				pass(30 * time.Second)
				if len(a.of(deployer.Failed, "person")) == 0 {
					a.isLive("person", "person-2", "person-2")
					return
				}
				a.asBefore(before)
				a.serves("person", "person-1")
				a.serves("web", "web-1")
				a.owned()
			})
		}
	}
}

// lateStranger is a pool during whose lease somebody else makes a container by the
// very name that the next generation has just been given.
type lateStranger struct {
	deployer.Pool
	make func(owner string)
}

func (p lateStranger) Lease(ctx context.Context, owner string) (netip.Prefix, error) {
	p.make(owner)
	return p.Pool.Lease(ctx, owner)
}

func TestWhatSomebodyElseMakesByOurNameIsNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a *agent
		a = running(t, webAndPerson, func(o *deployer.Options) {
			o.Pool = lateStranger{o.Pool, func(owner string) {
				if owner == "person-2" {
					a.with(func() { a.instances[owner] = &instance{name: owner, foreign: true, running: true} })
				}
			}}
		})
		a.put(set("person", "person-2"))
		if e := a.lastOf(deployer.Failed, "person"); e.Step != "clone" || !strings.Contains(e.Reason, "person-2 is somebody else's: deploy again") {
			t.Errorf("told %+v", e)
		}
		if i := a.instance("person-2"); !i.running || !i.foreign {
			t.Errorf("somebody else's container is %+v", i)
		}
		a.isLive("person", "person-1", "person-1")
		if a.leased("person-2").IsValid() {
			t.Error("it has an address of ours")
		}
		if res := a.ask("person"); res.Err != nil || res.Generation != "person-3" {
			t.Errorf("asked again: %+v", res)
		}
	})
}

func TestANameThatSomebodyElseHasIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.with(func() { a.instances["person-2"] = &instance{name: "person-2", foreign: true, running: true} })
		a.put(set("person", "person-2"))
		a.isLive("person", "person-3", "person-2")
		if i := a.instance("person-2"); !i.running || !i.foreign {
			t.Errorf("somebody else's container is %+v", i)
		}
	})
}

func TestACancelledDeployLeavesTheMachineAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		before := a.String()
		a.see(set("person", "person-2", "print never listens"))
		pass(time.Second)
		if a.recordOf("person-2").Phase != "candidate" {
			t.Fatalf("nothing is under way:\n%s", a.world)
		}
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		if after := a.String(); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	})
}

func TestTheEndOfTheProcessEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		began := time.Now()
		a.see(set("person", "person-2", "print why", "exit 1 after 1s"))
		a.eventually("it has failed", func() bool { return len(a.of(deployer.Failed, "person")) > 0 })
		if took := time.Since(began); took > 1100*time.Millisecond {
			t.Errorf("noticed after %s", took)
		}
		e := a.lastOf(deployer.Failed, "person")
		if e.Step != "prove" || !strings.Contains(e.Reason, "exited with status 1") || !slices.Contains(e.Tail, "why") || !e.Kept {
			t.Errorf("told %+v", e)
		}
		if s := a.status("person"); s.Failed != "person-2" || s.State != "failed" {
			t.Errorf("status: %+v", s)
		}
		a.isLive("person", "person-1", "person-1")
	})
}

func TestTheNewestArtefactsWin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.see(set("a", "a-2", "print never listens"))
		first := a.Deploy("a")
		pass(time.Second)
		a.see(set("a", "a-3"))
		second := a.Deploy("a")
		if res := a.result(first); res.Err == nil || !res.Open() || !strings.Contains(res.Err.Error(), "newer artefacts have come") {
			t.Errorf("the older deploy ended with %v", res.Err)
		}
		if res := a.result(second); res.Err != nil || res.Set != "a-3" {
			t.Errorf("%+v", res)
		}
		live := a.live("a")
		a.isLive("a", live, "a-3")
		a.only(t, "a", "a-1", live)
		if len(a.of(deployer.Failed, "a")) > 0 {
			t.Errorf("told %+v", a.heard())
		}
		a.put(set("a", "a-3"))
		if e := a.lastOf(deployer.Unchanged, "a"); e.Generation != live || e.Reason != "these artefacts are live already" {
			t.Errorf("told %+v", e)
		}
	})
}
