package deployer_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func TestAServiceThatDiesGivesWayToTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2"))
		a.world.dies("a-2")
		synctest.Wait()
		a.isLive("a", "a-1", "a-1")
		s := a.status("a")
		if s.State != "failed" || s.Newest.Set != "a-2" || !strings.Contains(s.Newest.Reason, "exited with status 1 after it had gone live") {
			t.Errorf("status: %+v", s)
		}
		if e := a.lastOf(deployer.Back, "a"); e.Generation != "a-1" || !strings.HasPrefix(e.Reason, "a-2: ") {
			t.Errorf("told %+v", e)
		}
		if s.Failed != "a-2" || a.recordOf("a-2").Phase != "kept" {
			t.Errorf("the dead one is not kept: %+v", s)
		}
		a.settled()
		a.only(t, "a", "a-1", "a-2")
		a = a.next(abc)
		a.settled()
		a.only(t, "a", "a-1", "a-2")
		a.world.dies("a-1") // what is live again is cared for
		synctest.Wait()
		a.isLive("a", "a-1", "a-1")
		if len(a.of(deployer.Restarted, "a")) != 1 {
			t.Errorf("told %+v", a.heard())
		}
	})
}

func TestWhatAServiceHasPrintedSaysWhyItDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, abc)
		a.put(set("b", "b-1", "serve\nlater 1s java.lang.OutOfMemoryError: Java heap space\nexit 3 after 2s"))
		pass(4 * time.Second)
		if e := a.lastOf(deployer.Died, "b"); !strings.Contains(e.Reason, "exited with status 3: its heap is full") || len(e.Tail) == 0 {
			t.Errorf("told %+v", e)
		}
	})
}

func TestWhyAServiceIsDownIsInTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, abc)
		a.put(set("b", "b-1", "serve\nexit 0 after 2s"))
		const want = "the process exited with status 0: the command has to stay in the foreground, and has no standard input"
		a.eventually("that it is down", func() bool { return a.status("b").State == "down" })
		if s := a.status("b"); s.Down != want {
			t.Errorf("it is down since %q", s.Down)
		}
		if e := a.lastOf(deployer.Died, "b"); e.Reason != want {
			t.Errorf("told %q", e.Reason)
		}
		a.eventually("that it is live again", func() bool { return a.status("b").State == "live" })
		if s := a.status("b"); s.Down != "" {
			t.Errorf("it is live, and down since %q", s.Down)
		}
	})
}

// What is true cannot always be written: a disk may be full, which may even be
// why the service has ended.
func TestGoingBackNeedsNoSpaceOnTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.put(set("person", "person-2"))
		a.failWith("record", errors.New("no space left on device"))
		a.world.dies("person-2")
		synctest.Wait()
		a.isLive("person", "person-1", "person-1")
		_ = a.stop()
		next := a.start(t, webAndPerson)
		next.settled()
		next.isLive("person", "person-1", "person-1")
	})
}

func TestAServiceThatDiesAloneIsStartedAgain(t *testing.T) {
	for name, kill := range map[string]func(*agent){
		"its process has ended":   func(a *agent) { a.world.dies("a-1") },
		"its container has ended": func(a *agent) { a.with(func() { a.ports.Targets = nil; a.halt(a.instances["a-1"]) }) },
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc)
			kill(a)
			synctest.Wait()
			pass(5 * time.Second) // the rules, which somebody has to put back here
			a.isLive("a", "a-1", "a-1")
			if s := a.status("a"); s.Restarts != 1 || s.Memory != 2000 || s.State != "live" {
				t.Errorf("status: %+v", s)
			}
			if e := a.lastOf(deployer.Restarted, "a"); e.Reason != "start 1 within a minute" {
				t.Errorf("told %+v", e)
			}
		})
	}
}

// A service that could not be started again has not come back to life.
func TestAStartThatFailsLeavesItsServiceDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		a.failWith("launch", errors.New("no answer"))
		a.world.dies("person-1")
		pass(time.Second)
		if s := a.status("person"); s.State != "down" || len(a.of(deployer.Restarted, "person")) > 0 {
			t.Errorf("it is said to run: %+v", s)
		}
		a.heals()
		pass(10 * time.Second)
		a.isLive("person", "person-1", "person-1")
		if s := a.status("person"); s.State != "live" {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestAServiceIsStartedAgainTenTimesAMinuteAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "serve", "exit 1 after 100ms"))
		a.eventually("the one before is gone", func() bool { return len(a.of(deployer.Back, "a")) == 1 })
		a.with(func() { a.instances["a-1"].files["/a/App.jar"] = "serve\nexit 1" })
		a.world.dies("a-1")
		before := a.instance("a-1").starts
		pass(5 * time.Minute)
		if starts := a.instance("a-1").starts - before; starts < 5*10-2 || starts > 5*10+2 {
			t.Errorf("started %d times in five minutes", starts)
		}
	})
}

// Somebody has removed the container of what was live. Nothing leads there any
// more, and what is newest is asked for, as there is nothing to start again.
func TestALiveContainerThatSomebodyRemovesIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.vanish("a-1")
		synctest.Wait()
		a.isLive("a", "a-2", "a-1")
		if s := a.status("a"); s.State != "live" || len(s.Left) > 0 {
			t.Errorf("status: %+v", s)
		}
		if a.leased("a-1").IsValid() {
			t.Error("its address is not free")
		}
	})
}

// What is lost is not found: what was live of it is not led to.
func TestNothingLeadsToWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.with(func() { clear(a.newest) })
		a.vanish("a-1")
		synctest.Wait()
		if to := a.portOf("a"); to.IsValid() {
			t.Errorf("ports lead to %s", to)
		}
		if s := a.status("a"); s.State != "none" || s.Generation != "" {
			t.Errorf("status: %+v", s)
		}
	})
}

// A container gets another address by DHCP when it starts again.
func TestAnotherAddressByDHCPIsFollowed(t *testing.T) {
	for _, how := range []string{"started by the agent", "started by the next agent"} {
		bubble(t, how, func(t *testing.T) {
			byDHCP := func() *door { d := newWorld().door(); d.dhcp = true; return d }
			d := byDHCP()
			a := d.startAt(t, d, webAndPerson)
			a.put(set("person", "person-1"))
			a.put(set("web", "web-1"))
			a.serves("person", "person-1")
			before := a.instance("person-1").address
			if how == "started by the next agent" {
				_ = a.stop()
			}
			a.with(func() {
				i := a.instances["person-1"]
				a.ports.Targets = nil
				a.halt(i)
				i.address = i.address.Next().Next().Next().Next()
			})
			if how == "started by the next agent" {
				d = a.world.door()
				d.dhcp = true
				a = a.startAt(t, d, webAndPerson)
			}
			pass(5 * time.Second)
			a.isLive("person", "person-1", "person-1")
			now := a.instance("person-1").address
			if now == before || a.leased("person-1") != now || a.recordOf("person-1").Address != now.String() {
				t.Errorf("it is at %s, was at %s, held is %s, and its record says %+v", now, before, a.leased("person-1"), a.recordOf("person-1"))
			}
		})
	}
}
