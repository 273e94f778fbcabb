package deployer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// checkKept checks that those generations of the service are kept, in which
// nothing runs and to which nothing leads, and that there is none beside them
// but what is live.
func (a *agent) checkKept(service string, want ...string) {
	a.t.Helper()
	var kept []string
	for _, name := range a.there(service) {
		i := a.instance(name)
		switch r := i.recorded(); {
		case r.Phase == "kept":
			kept = append(kept, name)
			if !i.running || i.unit != nil || a.leased(name) != i.address || a.portOf(service).Addr() == i.address {
				a.t.Errorf("%s is kept: %s", name, &i)
			}
		case r.Phase != "live":
			a.t.Errorf("%s is %s", name, r.Phase)
		}
	}
	if !slices.Equal(kept, want) {
		a.t.Errorf("of %s are kept %v, want %v", service, kept, want)
	}
}

func TestWhatHasFailedIsKeptUntilTheNextDeployHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "exit 1"))
		a.checkKept("a", "a-2")
		if s := a.status("a"); s.Failed != "a-2" || s.State != "failed" || s.Generation != "a-1" {
			t.Errorf("status: %+v", s)
		}
		if e := a.lastOf(deployer.Failed, "a"); !e.Kept || e.Generation != "a-2" {
			t.Errorf("the event: %+v", e)
		}

		// It does not go while the next one is under way, or when that is given up.
		a.put(set("a", "a-3", "print never listens"))
		pass(time.Second)
		if s := a.status("a"); s.Failed != "a-2" {
			t.Errorf("status: %+v", s)
		}
		a.put(set("a", "a-4", "serve 1", "exit 1 after 5s"))
		pass(time.Second)
		if s := a.status("a"); s.Failed != "a-2" || !a.gone("a-3") {
			t.Errorf("status: %+v\n%s", s, a.world)
		}

		// The next failure takes its place.
		pass(5 * time.Second)
		a.checkKept("a", "a-4")

		// And a deploy that goes well leaves none.
		a.put(set("a", "a-5"))
		if s := a.status("a"); s.Failed != "" || !a.gone("a-4") {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestWhatIsKeptGoes(t *testing.T) {
	for name, when := range map[string]func(*agent){
		"when the newest artefacts are what is live": func(a *agent) {
			a.put(set("a", "a-1"))
			a.lastOf(deployer.Unchanged, "a")
		},
		"with its service": func(a *agent) {
			a.reconfigured(func(all []deployer.Service) []deployer.Service { return slices.Delete(all, 0, 1) })
		},
		"when its container has ended": func(a *agent) {
			a.with(func() { a.halt(a.instances["a-2"]) })
			pass(5 * time.Second)
		},
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc)
			a.put(set("a", "a-2", "exit 1"))
			a.put(set("b", "b-2", "exit 1"))
			when(a)
			synctest.Wait()
			if !a.gone("a-2") {
				t.Errorf("it is left:\n%s", a.world)
			}
			a.checkKept("b", "b-2") // which has nothing to do with it
		})
	}
}

// What is kept must not stand in the way of what lacks space.
func TestNothingIsKeptWhereADiskIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "exit 1"))
		a.failWith("install", unix.ENOSPC)
		a.put(set("a", "a-3"))
		if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, "no space left") || e.Kept {
			t.Errorf("told %+v", e)
		}
		a.checkKept("a")
	})
}

func TestNothingIsKeptThatNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc, func(o *deployer.Options) { o.KeepFailed = false })
		a.put(set("a", "a-2", "exit 1"))
		a.checkKept("a")
		a.put(set("a", "a-3"))
		a.world.dies("a-3")
		a.settled()
		a.checkKept("a")
		a.isLive("a", "a-1", "a-1")
	})
}

// One whose service does not end is removed, as if nobody wanted it.
func TestWhatDoesNotEndItsServiceIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		before := a.String()
		a.failWith("quit", errors.New("it does not end"))
		a.put(set("person", "person-2", "serve 1", "exit 1 after 1s"))
		pass(2 * time.Second)
		if kept := a.asBefore(before); kept != "" {
			t.Errorf("%s is kept", kept)
		}
	})
}

// A removal that fails is tried again and listed, until it goes well; one agent
// hands it to the next. It is told of once.
func TestWhatCannotBeRemovedIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		address := a.leased("person-1")
		a.with(func() { a.instances["person-1"].busy = true })
		a.put(set("person", "person-2"))
		pass(time.Minute)
		told := func(a *agent) (warnings []string) {
			for _, e := range a.of(deployer.Warning, "person") {
				warnings = append(warnings, e.Reason)
			}
			return warnings
		}
		remains := func(a *agent) {
			t.Helper()
			i, listed := a.instance("person-1"), a.status("person").Left["person-1"]
			if i.name == "" || i.running || !strings.Contains(listed, "something is mounted in person-1") {
				t.Errorf("it is %s, and listed as %q", &i, listed)
			}
			if a.leased("person-1") != address {
				t.Error("its address is free")
			}
			if got := told(a); len(got) != 1 || !strings.Contains(got[0], "something is mounted in person-1") {
				t.Errorf("told %q", got)
			}
		}
		remains(a)
		next := a.next(webAndPerson)
		pass(time.Minute)
		remains(next)
		next.isLive("person", "person-2", "person-2")

		next.with(func() { next.instances["person-1"].busy = false })
		pass(5 * time.Second)
		next.only(t, "person", "person-2")
		if left := next.status("person").Left; left != nil {
			t.Errorf("listed are %v", left)
		}
		if got := next.of(deployer.Retired, "person"); len(got) != 1 || got[0].Generation != "person-1" {
			t.Errorf("told %+v", got)
		}
	})
}

func TestWhatCannotBeRemovedOfAServiceThatHasGoneIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.with(func() { a.instances["a-1"].busy = true })
		a.reconfigured(func(all []deployer.Service) []deployer.Service { return all[1:] })
		pass(2 * time.Minute)
		if a.gone("a-1") {
			t.Fatal("this tests nothing")
		}
		a.with(func() { a.instances["a-1"].busy = false })
		pass(5 * time.Second)
		a.only(t, "a")
		if a.leased("a-1").IsValid() {
			t.Error("its address is not free")
		}
	})
}

func TestConnectionsThatOutliveTheDrainAreCutOffAndCounted(t *testing.T) {
	for open, want := range map[int]string{0: "", 1: "cut off a connection ", 3: "cut off 3 connections "} {
		bubble(t, want, func(t *testing.T) {
			a := running(t, abc)
			a.with(func() { a.instances["a-1"].open = open })
			began := time.Now()
			a.put(set("a", "a-2"))
			a.eventually("a-1 is retired", func() bool { return len(a.of(deployer.Retired, "a")) > 0 })
			took := time.Since(began)
			if e := a.lastOf(deployer.Retired, "a"); !strings.HasPrefix(e.Reason, want) || open == 0 && e.Reason != "" {
				t.Errorf("with %d open connections: %q", open, e.Reason)
			}
			if open == 0 && (took < 2*time.Second || took > 3*time.Second) || open > 0 && (took < time.Minute || took > 61*time.Second) {
				t.Errorf("with %d open connections it took %s", open, took)
			}
		})
	}
}

// A client that ends while it is waited for ends the wait.
func TestWhatHasNoConnectionAnyMoreGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.with(func() { a.instances["a-1"].open = 1 })
		a.put(set("a", "a-2"))
		pass(10 * time.Second)
		if s := a.status("a"); !slices.Equal(s.Draining, []string{"a-1"}) {
			t.Errorf("status: %+v", s)
		}
		a.with(func() { a.instances["a-1"].open = 0 })
		pass(time.Second)
		a.only(t, "a", "a-2")
	})
}
