package deployer_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// retired waits until a generation of a is gone, and says how long that took.
func (a *agent) retired(generation string) time.Duration {
	a.t.Helper()
	began := time.Now()
	a.eventually(generation+" is gone", func() bool {
		return slices.ContainsFunc(a.of(deployer.Retired, "a"), func(e deployer.Event) bool { return e.Generation == generation })
	})
	return time.Since(began)
}

func TestHowLongWhatWasLiveStays(t *testing.T) {
	for name, c := range map[string]struct {
		drain       time.Duration
		open        int
		after       func(a *agent)
		least, most time.Duration
	}{
		"without a connection, for who has just looked up its name": {time.Minute, 0, nil, 2 * time.Second, 2500 * time.Millisecond},
		"no longer than its drain":                                  {time.Second, 0, nil, time.Second, 1500 * time.Millisecond},
		"not at all where it has none":                              {0, 2, nil, 0, 200 * time.Millisecond},
		"with a connection to the end of its drain":                 {30 * time.Second, 1, nil, 30 * time.Second, 30500 * time.Millisecond},
		"no longer than its service":                                {30 * time.Second, 1, func(a *agent) { a.world.dies("a-1") }, 0, 200 * time.Millisecond},
		"no longer than its container":                              {30 * time.Second, 1, func(a *agent) { a.vanish("a-1") }, 0, 200 * time.Millisecond},
		"no longer than connections can be counted":                 {30 * time.Second, 1, func(a *agent) { a.failWith("connections", errors.New("no")) }, 2 * time.Second, 2500 * time.Millisecond},
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, onlyA, func(o *deployer.Options) { o.Services[0].Drain = c.drain })
			a.with(func() { a.instances["a-1"].open = c.open })
			a.see(set("a", "a-2"))
			a.eventually("it is live", func() bool { return a.status("a").Set == "a-2" })
			if c.after != nil {
				c.after(a)
			}
			if took := a.retired("a-1"); took < c.least || took > c.most {
				t.Errorf("it took %s, want %s to %s", took, c.least, c.most)
			}
			a.only(t, "a", "a-2")
			if a.leased("a-1").IsValid() {
				t.Error("its address is not free")
			}
			a.isLive("a", "a-2", "a-2")
		})
	}
}

// Several generations may drain at once, each for its own time.
func TestEachThatDrainsHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, onlyA)
		for _, g := range []string{"a-1", "a-2", "a-3"} {
			a.with(func() { a.instances[g].open = 1 })
			a.put(set("a", "set after "+g))
			pass(10 * time.Second)
		}
		if s := a.status("a"); !slices.Equal(s.Draining, []string{"a-1", "a-2", "a-3"}) {
			t.Errorf("status: %+v", s)
		}
		pass(31 * time.Second)
		a.only(t, "a", "a-2", "a-3", "a-4")
		pass(10 * time.Second)
		a.only(t, "a", "a-3", "a-4")
		pass(10 * time.Second)
		a.only(t, "a", "a-4")
	})
}

// Where it takes long to count connections, they are not counted all the time.
func TestCountingConnectionsIsNotAllThatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, onlyA)
		a.with(func() {
			a.instances["a-1"].open = 1
			a.slow = map[string]time.Duration{"connections": 100 * time.Millisecond}
		})
		a.put(set("a", "a-2"))
		pass(59 * time.Second)
		if n := a.count("connections"); n < 8 || n > 13 {
			t.Errorf("they were counted %d times within a minute", n)
		}
		pass(2 * time.Second)
		a.only(t, "a", "a-2")
		if e := a.lastOf(deployer.Retired, "a"); e.Reason != "cut off a connection that was open at the end of drain" {
			t.Errorf("told %+v", e)
		}
	})
}

// Clients of HTTP that have nothing under way are sent elsewhere before the service is
// asked to end, and are none that were cut off. Of other protocols nothing is known.
func TestClientsAreSentElsewhereBeforeTheServiceEnds(t *testing.T) {
	for name, c := range map[string]struct {
		health deployer.Health
		told   string
	}{
		"HTTP":      {deployer.Health{Path: "/"}, "cut off a connection that was open at the end of drain"},
		"HTTPS":     {deployer.Health{Path: "/", HTTPS: true}, "cut off 3 connections that were open at the end of drain"},
		"any other": {deployer.Health{}, "cut off 3 connections that were open at the end of drain"},
	} {
		bubble(t, name, func(t *testing.T) {
			a := newWorld().start(t, onlyA, func(o *deployer.Options) {
				h := &o.Services[0].Health
				h.Path, h.HTTPS = c.health.Path, c.health.HTTPS
			})
			script := []string{"serve"}
			if c.health.HTTPS {
				script = append(script, "tls")
			}
			a.put(set("a", "a-1", script...))
			a.with(func() { a.instances["a-1"].open, a.instances["a-1"].used = 3, 2 })
			a.put(set("a", "a-2", append(script, "print two")...))
			a.eventually("a-1 is retired", func() bool { return len(a.of(deployer.Retired, "a")) > 0 })
			if e := a.lastOf(deployer.Retired, "a"); e.Reason != c.told {
				t.Errorf("told %q", e.Reason)
			}
		})
	}
}

// The end of the agent ends no drain: the next one goes on with it.
func TestADrainGoesOnWithTheNextAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, onlyA)
		a.with(func() { a.instances["a-1"].open = 1 })
		a.put(set("a", "a-2"))
		pass(10 * time.Second)
		next := a.next(onlyA)
		if i := next.instance("a-1"); i.unit == nil || !slices.Equal(next.status("a").Draining, []string{"a-1"}) {
			t.Fatalf("status: %+v\n%s", next.status("a"), next.world)
		}
		next.with(func() { next.instances["a-1"].open = 0 })
		pass(3 * time.Second)
		next.only(t, "a", "a-2")
		next.isLive("a", "a-2", "a-2")
	})
}
