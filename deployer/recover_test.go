package deployer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// setPhase changes what the record of an instance says, as a killed agent leaves
// it.
func (w *world) setPhase(name, phase string) {
	w.with(func() {
		i := w.instances[name]
		was := i.recorded().Phase
		i.record = []byte(strings.Replace(string(i.record), `"Phase": "`+was, `"Phase": "`+phase, 1))
	})
}

// An agent that was killed in a start that hung is followed by one that starts
// anew what was live, and removes what was being made.
func TestAStartThatHungIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.with(func() { a.instances["web-1"].hang = true })
		a.killed(1, func() {})
		a.with(func() {
			i := a.instances["web-1"]
			a.ports.Targets = nil
			a.halt(i)
			i.stuck, i.hang = true, false
			a.instances["person-2"] = &instance{name: "person-2", base: "base", half: true, stuck: true}
		})
		next := a.next(webAndPerson)
		next.serves("web", "web-1")
		next.settled()
		next.only(t, "person", "person-1")
	})
}

// An agent that was killed in between writing that the new generation is live
// and that the old one drains leaves two that are live.
func TestOfTwoThatAreLiveTheLaterIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.put(set("person", "person-2"))
		_ = a.stop()
		a.setPhase("person-1", "live")
		next := a.next(webAndPerson)
		next.isLive("person", "person-2", "person-2")
		if p := next.recordOf("person-1").Phase; p != "draining" {
			t.Errorf("the older one is %s", p)
		}
		next.settled()
		next.only(t, "person", "person-2")
	})
}

// What was being made may be where names and ports lead, by a switch that was
// cut off. While they cannot be led back it stays.
func TestWhatNamesAndPortsMayLeadToIsNotRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.put(set("person", "person-2"))
		_ = a.stop()
		a.setPhase("person-1", "live")
		a.setPhase("person-2", "candidate")
		d := a.world.door()
		d.failWith("repair ports", errors.New("the lock is held by somebody else"))
		next := a.startAt(t, d, webAndPerson)
		pass(20 * time.Second)
		next.owned()
		if i := next.instance("person-2"); i.unit == nil || len(next.harm) > 0 {
			t.Fatalf("ports lead to %v, and %v was done:\n%s", next.ports, next.harm, next.world)
		}
		d.heals()
		next.settled()
		next.isLive("person", "person-1", "person-1")
		next.only(t, "person", "person-1")
	})
}

// A live generation that cannot be started, for now or for ever, has an owner
// all the same: it is tried again, and gives way to a new one.
func TestWhatWasLiveAndCannotBeStartedIsTriedAgain(t *testing.T) {
	for _, how := range []string{"in time it can", "a new one is deployed"} {
		bubble(t, how, func(t *testing.T) {
			a := running(t, webAndPerson)
			_ = a.stop()
			a.reboots()
			d := a.world.door()
			d.failWith("start", errors.New("not now"))
			d.failWith("launch", errors.New("not now"))
			next := a.startAt(t, d, webAndPerson)
			if s := next.status("person"); s.State != "down" || s.Generation != "person-1" {
				t.Fatalf("status: %+v", s)
			}
			pass(20 * time.Second)
			next.owned()
			if told := next.of(deployer.Warning, ""); len(told) > 0 { // what does not run has no names to be kept true
				t.Errorf("told %+v", told)
			}
			d.heals()
			want := "person-1"
			if how == "a new one is deployed" {
				next.put(set("person", "person-1")) // the same: its container has ended
				want = "person-2"
			}
			next.settled()
			next.isLive("person", want, "person-1")
			next.serves("web", "web-1")
			next.only(t, "person", want)
			if !slices.ContainsFunc(next.lines, func(l deployer.Line) bool { return l.Generation == want && l.Text == "up" }) {
				t.Error("nobody follows its output")
			}
		})
	}
}

func TestAContainerThatHasEndedIsReasonToDeployTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		_ = a.stop()
		a.reboots()
		d := a.world.door()
		d.failWith("start", errors.New("never"))
		d.failWith("launch", errors.New("never"))
		next := a.startAt(t, d, webAndPerson)
		next.put(set("person", "person-1"))
		if e := next.lastOf(deployer.Deploying, "person"); !strings.Contains(e.Reason, "the container of what is live has ended") {
			t.Errorf("told %+v", e)
		}
	})
}

// What only waits, or drains, and does not run any more, goes.
func TestWhatCannotBeTakenUpGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		withStandby := func(o *deployer.Options) { webAndPerson(o); o.Standby = true }
		a := running(t, withStandby)
		a.put(set("person", "person-2"))
		pass(500 * time.Millisecond)
		if s := a.status("person"); s.Standby == "" || len(s.Draining) != 1 {
			t.Fatalf("this tests nothing: %+v", s)
		}
		live, web := a.live("person"), a.live("web")
		_ = a.stop()
		a.with(func() {
			for name, i := range a.instances {
				if name != live && name != web {
					a.ports.Targets = nil
					a.halt(i)
				}
			}
		})
		next := a.next(withStandby)
		pass(time.Second)
		next.settled()
		next.isLive("person", live, "person-2")
		if got := next.there("person"); len(got) != 2 || !slices.Contains(got, next.status("person").Standby) {
			t.Errorf("of person there are %v, and %+v", got, next.status("person"))
		}
	})
}

func TestTheNextAgentGoesOnKeeping(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world, *deployer.Options)
		stays  bool
	}{
		{"as it is", func(*world, *deployer.Options) {}, true},
		{"but not where nobody wants it any more", func(_ *world, o *deployer.Options) { o.KeepFailed = false }, false},
		{"but not what has stopped, as after a reboot", func(w *world, _ *deployer.Options) {
			w.with(func() { w.halt(w.instances["person-2"]) })
		}, false},
		{"but not for a service that has gone", func(_ *world, o *deployer.Options) { o.Services = o.Services[1:] }, false},
	} {
		bubble(t, c.name, func(t *testing.T) {
			a := running(t, webAndPerson)
			a.put(set("person", "person-2", "exit 1"))
			if a.status("person").Failed != "person-2" {
				t.Fatal("it is not kept")
			}
			address := a.leased("person-2")
			_ = a.stop()
			next := a.next(func(o *deployer.Options) { webAndPerson(o); c.change(a.world, o) })
			next.settled()
			if there := !next.gone("person-2"); there != c.stays || (next.status("person").Failed != "") != c.stays {
				t.Fatalf("there: %t, status %+v\n%s", there, next.status("person"), next.world)
			}
			if !c.stays {
				return
			}
			if next.leased("person-2") != address || next.instance("person-2").unit != nil {
				t.Errorf("it has not stayed as it was:\n%s", next.world)
			}
			next.isLive("person", "person-1", "person-1")
			next.put(set("person", "person-3"))
			next.settled()
			next.only(t, "person", "person-3")
		})
	}
}

func TestOfTwoThatAreFoundTheLaterIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.put(set("person", "person-2", "exit 1"))
		a.failWith("remove", errors.New("not now"))
		a.put(set("person", "person-3", "exit 1"))
		_ = a.stop()
		a.with(func() { // as a crash leaves two: the older one goes in the background
			i := *a.instances["person-3"]
			i.name, i.half = "person-2", false
			i.record = []byte(strings.ReplaceAll(string(i.record), `"Number": 3`, `"Number": 2`))
			a.instances["person-2"] = &i
		})
		next := a.next(webAndPerson)
		next.settled()
		if kept := next.status("person").Failed; kept != "person-3" {
			t.Errorf("kept is %q", kept)
		}
		next.only(t, "person", "person-1", "person-3")
	})
}

// What has failed goes when a later deploy has gone live; an agent that was
// killed before that is made up for.
func TestWhatALaterDeployHasPassedIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.put(set("person", "person-2", "exit 1"))
		next := a.next(webAndPerson)
		if next.status("person").Failed != "person-2" {
			t.Errorf("what has failed is not kept:\n%s", next.world)
		}
		next.failWith("stop begins", errors.New("not now"))
		next.put(set("person", "person-3"))
		third := next.next(webAndPerson)
		third.settled()
		third.isLive("person", "person-3", "person-3")
		third.only(t, "person", "person-3")
	})
}

// Somebody has copied a container, with its record, or renamed it. That is no
// generation of ours, and stands for none.
func TestACopyWithARecordOfOursIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		_ = a.stop()
		copies := []string{"person-01", "person-7", "mine-1"}
		a.with(func() {
			for _, name := range copies {
				i := *a.instances["person-1"]
				i.name, i.names, i.unit = name, nil, nil
				a.instances[name] = &i
			}
		})
		next := a.start(t, webAndPerson)
		pass(30 * time.Second)
		for _, name := range copies {
			if i := next.instance(name); !i.running {
				t.Errorf("%s was touched: %s", name, &i)
			}
		}
		next.isLive("person", "person-1", "person-1")
		_ = next.stop()
		a.with(func() { a.ports.Targets = nil })
		removed, err := deployer.RemoveAll(t.Context(), engine{a.world.door()}, func(string, int) bool { return true })
		if err != nil || len(removed) > 0 {
			t.Errorf("of what is another's, removed %q, %v", removed, err)
		}
		removed, err = deployer.RemoveAll(t.Context(), engine{a.world.door()}, func(string, int) bool { return false })
		slices.Sort(removed)
		if !slices.Equal(removed, []string{"person-1", "web-1"}) || err == nil {
			t.Errorf("removed %q, %v; want person-1 and web-1, and to be told of the others", removed, err)
		}
	})
}

// A machine goes down and comes up again.
func TestAllAreStoppedSideBySideAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		for _, service := range []string{"a", "b", "c"} {
			a.put(set(service, service+"-2", "serve", "linger 3s"))
			a.settled()
		}
		_ = a.stop()
		a.with(func() { a.ports.Targets = nil }) // nobody asks for more
		began := time.Now()
		stopped, err := deployer.StopAll(t.Context(), engine{a.world.door()}, 4*time.Second)
		if took := time.Since(began); err != nil || took > 4*time.Second {
			t.Errorf("three that take 3 s took %v, %v", took, err)
		}
		for _, name := range []string{"a-2", "b-2", "c-2"} {
			if i := a.instance(name); !slices.Contains(stopped, name) || i.running {
				t.Errorf("of %q %s runs on", stopped, name)
			}
			if slices.Contains(a.acted(), "kill "+name) {
				t.Errorf("%s was killed", name)
			}
		}
		next := a.start(t, abc)
		next.settled()
		for _, service := range []string{"a", "b", "c"} {
			next.isLive(service, service+"-2", service+"-2")
		}
	})
}

func TestARecordThatCannotBeReadIsRemovedWithItsContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.put(set("person", "person-2"))
		_ = a.stop()
		a.with(func() { a.instances["person-1"].record = []byte("garbage") })
		next := a.start(t, webAndPerson)
		next.settled()
		next.isLive("person", "person-2", "person-2")
		next.only(t, "person", "person-2")
	})
}

func TestTheLatestIsFoundByItsRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		has := func(name, record string) {
			w.with(func() { w.instances[name] = &instance{name: name, record: []byte(record)} })
		}
		wants := func(service string, p deployer.Phase, want string) {
			t.Helper()
			name, running, err := deployer.FindLatest(t.Context(), engine{w.door()}, service, p)
			if err != nil || name != want || running {
				t.Errorf("%s of %s is %q, running %v, %v; want %q, stopped", p, service, name, running, err, want)
			}
		}
		wants("a", deployer.Live, "")
		has("a-1", `{"Service":"a","Number":1,"Phase":"draining","Ordinal":1}`)
		wants("a", deployer.Live, "")
		has("a-9", `{"Service":"a","Number":9,"Phase":"live","Ordinal":3}`)   // a standby for long
		has("a-10", `{"Service":"a","Number":10,"Phase":"live","Ordinal":2}`) // had not begun to drain
		has("a-11", `{"Service":"a","Number":11,"Phase":"candidate","Ordinal":3}`)
		has("a-12", `{"Service":"a","Number":12,"Phase":"kept","Ordinal":3}`)
		has("a-b-12", `{"Service":"a-b","Number":12,"Phase":"live"}`)
		has("a-b-9", `{"Service":"a-b","Number":9,"Phase":"live"}`) // of an earlier version
		has("a-13", `{"Service":"a","Number":7,"Phase":"live"}`)    // a copy of another's
		w.with(func() { w.instances["a-14"] = &instance{name: "a-14", foreign: true} })
		wants("a", deployer.Live, "a-9")
		wants("a", deployer.KeptFailure, "a-12")
		wants("a-b", deployer.Live, "a-b-12")
		wants("a-b", deployer.KeptFailure, "")

		a := running(t, abc)
		if name, runs, err := deployer.FindLatest(t.Context(), engine{a.world.door()}, "b", deployer.Live); err != nil || name != "b-1" || !runs {
			t.Errorf("live of b is %q, running %v, %v; want b-1, running", name, runs, err)
		}
	})
}
