package deployer_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func withStandbys(o *deployer.Options) { abc(o); o.Standby = true }

// allStandBy says whether each service has a standby.
func (a *agent) allStandBy() bool {
	return !slices.ContainsFunc(a.Status(), func(s deployer.Status) bool { return s.Standby == "" })
}

func TestAStandbyIsUsedAndMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withStandbys)
		if !a.allStandBy() {
			t.Fatalf("status: %+v", a.Status())
		}
		standby, clones := a.status("a").Standby, a.count("create")
		a.put(set("a", "a-2"))
		a.isLive("a", standby, "a-2")
		if !a.allStandBy() || a.count("create") != clones+1 {
			t.Errorf("%d clones for one deploy: %+v", a.count("create")-clones, a.Status())
		}
		a.settled()
		a.only(t, "a", a.there("a")[0], a.there("a")[1])
	})
}

// However many builds follow one another, somebody keeps count of the deploys.
func TestStandbysAreMadeAfterManyBuildsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withStandbys)
		for i := range 30 {
			a.see(set("a", fmt.Sprintf("b-%d", i)))
		}
		pass(20 * time.Second)
		if s := a.status("a"); s.Set != "b-29" || !a.allStandBy() {
			t.Errorf("status: %+v", a.Status())
		}
		a.settled()
	})
}

func TestADeadStandbyIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withStandbys)
		dead := a.status("a").Standby
		a.with(func() { a.halt(a.instances[dead]) })
		a.put(set("a", "a-2"))
		if live := a.live("a"); live == dead || a.status("a").Set != "a-2" || !a.gone(dead) {
			t.Errorf("%s is live, dead was %s:\n%s", live, dead, a.world)
		}
		a.settled()
	})
}

func TestAStandbyThatCannotBeMadeIsTriedAgainLaterAndToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withStandbys)
		a.failWith("create", errInjected)
		a.put(set("a", "a-2")) // by the standby
		if a.status("a").Set != "a-2" || len(a.of(deployer.Warning, "a")) != 1 {
			t.Fatalf("told %+v", a.heard())
		}
		before := a.count("create")
		pass(13 * time.Second)
		if now := a.count("create"); now != before {
			t.Errorf("%d attempts at once", now-before)
		}
		pass(time.Minute)
		if now := a.count("create"); now < before+3 || now > before+4 {
			t.Errorf("%d attempts in a minute", now-before)
		}
		a.heals()
		pass(20 * time.Second)
		if !a.allStandBy() {
			t.Errorf("status: %+v", a.Status())
		}
		if told := a.of(deployer.Warning, "a"); len(told) != 1 {
			t.Errorf("told %d times: %+v", len(told), told)
		}
	})
}

func TestADeployThatGoesWellMakesAnotherAttemptAtAStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc, func(o *deployer.Options) { o.Standby = true })
		a.failWith("create", errInjected)
		a.put(set("a", "a-2"))
		a.heals()
		a.put(set("a", "a-3"))
		if a.status("a").Standby == "" {
			t.Errorf("status: %+v", a.status("a"))
		}
	})
}

// A standby that is being made when its artefacts come is what they are deployed
// into.
func TestAStandbyThatIsBeingMadeIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withStandbys)
		a.with(func() {}) // all is quiet
		a.put(set("a", "a-2"))
		making := a.status("a").Standby
		a.put(set("a", "a-3"))
		if live := a.live("a"); live != making {
			t.Errorf("%s is live, not %s", live, making)
		}
		a.settled()
	})
}

const reserve = 512 << 20 // bytes that are to stay free

// sparing is running with standbys on a machine with free bytes of memory.
func sparing(t *testing.T) (a *agent, free *atomic.Int64) {
	free = new(atomic.Int64)
	free.Store(2 * reserve)
	return running(t, withStandbys, func(o *deployer.Options) {
		o.Reserve = reserve
		o.Available = func() (int64, error) { return free.Load(), nil }
	}), free
}

func TestStandbysAreGivenUpWhileMemoryIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, free := sparing(t)
		pass(time.Second)
		a.put(set("a", "a-2"))
		if !a.allStandBy() {
			t.Fatalf("status: %+v", a.Status())
		}
		free.Store(reserve - 1)
		pass(30 * time.Second)
		for _, s := range a.Status() {
			if s.Standby != "" {
				t.Errorf("status: %+v", s)
			}
		}
		if got := a.warned(); !slices.Equal(got, []string{"b", "c", "a"}) {
			t.Errorf("given up in the order %q, want the one that changed last to go last", got)
		}
		a.put(set("b", "b-2"))
		if a.status("b").Set != "b-2" {
			t.Errorf("without a standby: %+v", a.status("b"))
		}
		free.Store(2 * reserve)
		pass(10 * time.Second)
		if !a.allStandBy() {
			t.Errorf("status: %+v", a.Status())
		}
		a.settled()
	})
}

func TestWhatIsKeptGoesFirstWhileMemoryIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, free := sparing(t)
		a.put(set("b", "b-2", "exit 1"))
		pass(time.Second)
		a.put(set("a", "a-2", "exit 1"))
		pass(time.Second)
		if !a.allStandBy() {
			t.Fatalf("status: %+v", a.Status())
		}
		free.Store(reserve - 1)
		pass(time.Minute)
		for _, s := range a.Status() {
			if s.Standby != "" || s.Failed != "" {
				t.Errorf("status: %+v", s)
			}
		}
		if got := a.warned(); len(got) != 5 || got[0] != "b" || got[1] != "a" {
			t.Errorf("given up in the order %q, want first what failed, the older one before", got)
		}
	})
}

func TestAKernelThatDoesNotSayWhatIsFreeIsNeverShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withStandbys, func(o *deployer.Options) {
			o.Reserve = reserve
			o.Available = func() (int64, error) { return 0, errors.New("it does not say") }
		})
		pass(30 * time.Second)
		if !a.allStandBy() {
			t.Errorf("status: %+v", a.Status())
		}
	})
}
