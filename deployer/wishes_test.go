package deployer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
)

// oneOld starts an agent with the service a, of which "old" was live and "new" is.
func oneOld(t *testing.T) *agent {
	a := newWorld().start(t, onlyA)
	a.put(set("a", "old"))
	a.put(set("a", "new"))
	if s := a.status("a"); s.Set != "new" || s.State != "live" {
		t.Fatalf("status: %+v", s)
	}
	return a
}

func onlyA(o *deployer.Options) { o.Services = []deployer.Service{service("a", 8081)} }

// pinned gives what a is pinned to.
func (w *world) pinned() string {
	if p := w.page("a"); p.Pin != nil {
		return p.Pin.Set
	}
	return ""
}

func (a *agent) rollback(prefix string) deployer.Result {
	a.t.Helper()
	res := a.result(a.Rollback("a", prefix))
	synctest.Wait()
	return res
}

// state checks what is live of a, and what is said of the newest.
func (a *agent) state(live string, newest deployer.NewestState) {
	a.t.Helper()
	if s := a.status("a"); s.Set != live || s.Newest.State != newest {
		a.t.Errorf("%s is live, and the newest is %+v; want %s, and %q", s.Set, s.Newest, live, newest)
	}
}

func TestARollbackStaysUntilNewBytesCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		if res := a.rollback(""); res.Err != nil || res.Set != "old" {
			t.Fatalf("%+v", res)
		}
		a.state("old", deployer.Pinned)
		a.put(set("a", "new")) // it is seen again
		a.state("old", deployer.Pinned)
		next := a.next(onlyA)
		next.put(set("a", "new"))
		next.state("old", deployer.Pinned)
		if e := next.lastOf(deployer.Warning, "a"); e.Reason != "new not deployed, pinned: rolled back to old until new bytes come" {
			t.Errorf("told %q", e.Reason)
		}
		next.put(set("a", "newer"))
		next.state("newer", "")
		if next.pinned() != "" {
			t.Errorf("pinned is %q", next.pinned())
		}
	})
}

func TestWhatIsWrongWithARollbackIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		for prefix, want := range map[string]string{
			"new": "set new of a is live already",
			"f0":  `no set of a that was live begins with "f0"`,
		} {
			res, wish := a.rollback(prefix), deployer.WishError{}
			if !errors.As(res.Err, &wish) || !strings.Contains(res.Err.Error(), want) {
				t.Errorf("%q: %v", prefix, res.Err)
			}
		}
		a.with(func() { delete(a.sets, "a/old") })
		if res, wish := a.rollback("old"), (deployer.WishError{}); !errors.As(res.Err, &wish) || !strings.Contains(res.Err.Error(), "set old of a is not kept any more") {
			t.Errorf("%v", res.Err)
		}
		if a.pinned() != "" {
			t.Errorf("pinned is %q", a.pinned())
		}
	})
}

// What a person has gone back to is not what is live: an agent has ended before
// it was, or the container has been lost. The next agent goes back to it, not
// to the newest, and not to nothing.
func TestARollbackIsEnforcedByTheNextAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		_ = a.stop()
		a.with(func() { a.pages["a"] = withPin(a.pages["a"], "old", "new") })
		next := a.start(t, onlyA)
		next.put(set("a", "new"))
		next.state("old", deployer.Pinned)
		next.settled()
		next.vanish(next.live("a"))
		synctest.Wait()
		next.state("old", deployer.Pinned)
		if next.pinned() != "old" {
			t.Error("it is not pinned any more")
		}
	})
}

func withPin(p history.Page, set, over string) history.Page {
	p.Pin = &history.Pin{Set: set, Over: over}
	return p
}

// A deploy that was asked for is under way, and it does not go well.
func TestARollbackThatFailsIsAsIfItHadNotBeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		a.failWith("install", errInjected)
		if res := a.rollback("old"); res.Err == nil {
			t.Fatalf("%+v", res)
		}
		if a.pinned() != "" {
			t.Errorf("pinned is %q", a.pinned())
		}
		a.state("new", deployer.Broken)
	})
}

// Who asks for the newest has done with the rollback, also when the agent is
// killed before it can write down what has gone live.
func TestAskingForTheNewestEndsAPin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		a.rollback("old")
		a.with(func() { a.slow = map[string]time.Duration{"install": time.Second} })
		a.failWith("install", errInjected)
		done := a.Deploy("a")
		synctest.Wait()
		if a.pinned() != "" {
			t.Errorf("it is under way, and pinned to %q", a.pinned())
		}
		if res := a.result(done); res.Err == nil {
			t.Fatalf("%+v", res)
		}
		synctest.Wait()
		if a.pinned() != "old" { // it has failed, and is as if it had not been
			t.Errorf("pinned is %q", a.pinned())
		}
		a.heals()
		if res := a.ask("a"); res.Err != nil || res.Set != "new" {
			t.Errorf("%+v", res)
		}
		synctest.Wait()
		a.state("new", "")
	})
}

// slowly has installs take a second, and three sets of a be remembered.
func slowly(t *testing.T) *agent {
	a := newWorld().start(t, onlyA)
	for _, id := range []string{"old", "middle", "new"} {
		a.put(set("a", id))
	}
	a.with(func() { a.slow = map[string]time.Duration{"install": time.Second} })
	return a
}

// A deploy that cannot be stopped any more does not undo a rollback that was
// asked for meanwhile.
func TestWhatGoesLiveDuringARollbackDoesNotEndIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := slowly(t)
		a.with(func() { a.slow = map[string]time.Duration{"ports": time.Second} })
		a.put(set("a", "newer"))
		pass(500 * time.Millisecond) // it is being switched
		if res := a.rollback("old"); res.Err != nil {
			t.Fatalf("%+v", res)
		}
		a.state("old", deployer.Pinned)
		if n := len(a.of(deployer.WentLive, "a")); n != 5 {
			t.Errorf("%d have gone live: this tests nothing", n)
		}
	})
}

func TestOfTwoRollbacksAtOnceTheSecondFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := slowly(t)
		first := a.Rollback("a", "old")
		synctest.Wait()
		if a.pinned() != "old" {
			t.Errorf("pinned is %q", a.pinned())
		}
		second := a.Rollback("a", "middle")
		if res := a.result(first); res.Err == nil || !res.Open() {
			t.Errorf("the first: %+v", res)
		}
		a.failWith("install", errInjected)
		if res := a.result(second); !errors.Is(res.Err, errInjected) {
			t.Errorf("the second: %+v", res)
		}
		synctest.Wait()
		if a.pinned() != "" {
			t.Errorf("pinned is %q, to which nobody has gone back", a.pinned())
		}
		a.state("new", deployer.Broken)
	})
}

// New bytes come while a rollback fails: what was decided before it is over, too.
func TestNewBytesEndWhatWasDecidedAlsoWhereARollbackFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := slowly(t)
		a.rollback("old")
		second := a.Rollback("a", "middle")
		pass(500 * time.Millisecond)
		a.failWith("install", errInjected)
		a.put(set("a", "newer"))
		if res := a.result(second); !errors.Is(res.Err, errInjected) {
			t.Fatalf("%+v: this tests nothing", res)
		}
		a.heals()
		pass(5 * time.Second)
		if a.pinned() != "" {
			t.Errorf("pinned is %q", a.pinned())
		}
		a.state("newer", "")
	})
}

// The first cannot be stopped any more, and is what stands.
func TestOfTwoRollbacksTheOneThatIsLiveStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := slowly(t)
		a.with(func() { a.slow = map[string]time.Duration{"ports": time.Second} })
		first := a.Rollback("a", "old")
		pass(500 * time.Millisecond)
		a.failWith("install", errInjected) // the first is beyond it
		second := a.Rollback("a", "middle")
		if res := a.result(first); res.Err != nil {
			t.Errorf("the first: %+v", res)
		}
		if res := a.result(second); res.Err == nil {
			t.Errorf("the second: %+v", res)
		}
		synctest.Wait()
		if a.pinned() != "old" {
			t.Errorf("pinned is %q", a.pinned())
		}
	})
}

// The newest comes again, as when what is live is lost, while a person goes back
// to another: that is under way already.
func TestARollbackUnderWayIsNotBegunAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := slowly(t)
		done := a.Rollback("a", "old")
		synctest.Wait()
		before := len(a.of(deployer.Deploying, "a"))
		a.put(set("a", "new"))
		if res := a.result(done); res.Err != nil || res.Set != "old" {
			t.Errorf("%+v", res)
		}
		if now := len(a.of(deployer.Deploying, "a")); now != before {
			t.Errorf("%d more were deployed", now-before)
		}
		a.state("old", deployer.Pinned)
	})
}

// What waits for room on a disk is deployed when there is some, and has to be
// pinned then.
func TestARollbackThatWaitsForSpaceStaysPinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		a.hasSpace(0, 1000)
		a.failWith("install", unix.ENOSPC)
		if res := a.rollback("old"); res.Err == nil || !res.Open() {
			t.Fatalf("%+v", res)
		}
		if a.pinned() != "old" {
			t.Error("it is to be deployed, and not pinned")
		}
		a.heals()
		a.hasSpace(1<<30, 1000)
		pass(5 * time.Second)
		a.state("old", deployer.Pinned)
	})
}

func TestWhatCannotBeWrittenDownIsNotPromised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		a.failWith("amend", unix.ENOSPC)
		before := len(a.of(deployer.Deploying, "a"))
		if err := a.Pause(t.Context(), "a", true); err == nil {
			t.Error("it is said to be paused")
		}
		if res := a.rollback("old"); res.Err == nil {
			t.Errorf("it is said to be rolled back: %+v", res)
		}
		if now := len(a.of(deployer.Deploying, "a")); now != before {
			t.Errorf("%d were deployed", now-before)
		}
		a.put(set("a", "newer")) // which nobody has asked for: it stops no deploy
		a.state("newer", "")
	})
}

// A set that a person goes back to may be older than those that are kept.
func TestWhatIsPinnedIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := func(o *deployer.Options) { onlyA(o); o.KeepSets = 1 }
		a := newWorld().start(t, one)
		for _, id := range []string{"old", "middle", "new"} {
			a.put(set("a", id))
		}
		if _, kept := a.sets["a/old"]; kept {
			t.Fatal("it was not to be kept: this tests nothing")
		}
		a.with(func() { a.sets["a/old"] = set("a", "old") })
		a.failWith("start", errInjected)
		a.with(func() { a.pages["a"] = withPin(a.pages["a"], "old", "new") })
		next := a.next(one)
		next.failWith("start", errInjected)
		next.put(set("a", "new")) // old cannot be made live yet
		next.world.dies(next.live("a"))
		synctest.Wait()
		a.mu.Lock()
		defer a.mu.Unlock()
		if _, kept := a.sets["a/old"]; !kept {
			t.Error("what is pinned is gone")
		}
	})
}

// A history that cannot be read at the moment says nothing of which sets may go.
func TestNothingIsPrunedForAHistoryThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		_ = a.stop()
		d := a.world.door()
		d.failWith("page", errors.New("too many links"))
		d.failWith("amend", errors.New("too many links"))
		next := a.startAt(t, d, onlyA, func(o *deployer.Options) { o.KeepSets = 1 })
		next.put(set("a", "newer"))
		next.state("newer", "")
		a.mu.Lock()
		defer a.mu.Unlock()
		if _, kept := a.sets["a/old"]; !kept {
			t.Error("a set is gone")
		}
	})
}

// An agent may be killed before it writes down what has gone live.
func TestWhatIsTakenUpHasBeenLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		_ = a.stop()
		a.with(func() {
			p := a.pages["a"]
			p.Entries = p.Entries[:1]
			a.pages["a"] = p
		})
		for range 2 {
			_ = a.start(t, onlyA).stop()
			if good := a.page("a").Good(); len(good) != 2 || good[0] != "old" || good[1] != "new" {
				t.Errorf("good are %q", good)
			}
		}
		if n := len(a.page("a").Entries); n != 2 {
			t.Errorf("%d entries", n)
		}
	})
}

func TestWhatIsPausedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		if err := a.Pause(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		a.state("new", deployer.Paused)
		a.put(set("a", "newer"))
		a.state("new", deployer.Paused)
		if e := a.lastOf(deployer.Warning, "a"); e.Reason != "newer not deployed, paused: jarloop resume a goes on" {
			t.Errorf("told %q", e.Reason)
		}
		next := a.next(onlyA)
		next.put(set("a", "newer"))
		next.state("new", deployer.Paused)
		if res := next.ask("a"); res.Err != nil || res.Set != "newer" { // who asks gets it
			t.Errorf("%+v", res)
		}
		synctest.Wait()
		next.state("newer", deployer.Paused)
		next.put(set("a", "newest"))
		if err := next.Pause(t.Context(), "a", false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		next.state("newest", "")
	})
}

// What has been decided is said again when a deploy has ended.
func TestStatusSaysWhatWasDecidedAfterADeploy(t *testing.T) {
	for name, c := range map[string]struct {
		page history.Page
		want deployer.NewestState
	}{
		"nothing":     {history.Page{}, ""},
		"paused":      {history.Page{Paused: true}, deployer.Paused},
		"rolled back": {withPin(history.Page{}, "old", "new"), deployer.Pinned},
	} {
		bubble(t, name, func(t *testing.T) {
			w := newWorld()
			w.pages["a"] = c.page
			a := w.start(t, onlyA)
			a.with(func() { a.sets["a/old"] = set("a", "old") })
			a.put(set("a", "new"))
			if got := a.status("a").Newest.State; got != c.want {
				t.Errorf("the newest is said to be %q, want %q", got, c.want)
			}
		})
	}
}

// forgetful is an engine that never says what instances hold.
type forgetful struct{ deployer.Engine }

func (forgetful) Memory(ctx context.Context, _ string) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestAStatusWaitsForNoEngineThatGivesNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.start(t, abc, func(o *deployer.Options) { o.Engine = forgetful{o.Engine} })
		for _, service := range []string{"a", "b", "c"} {
			a.put(set(service, service+"-1"))
		}
		pass(time.Minute)
		began := time.Now()
		all := a.Status()
		if took := time.Since(began); took > 3*time.Second || len(all) != 3 || all[0].State != "live" {
			t.Errorf("after %s it is %+v", took, all)
		}
	})
}

// What is refused while the set before is deployed is not live afterwards.
func TestStatusSaysWhatWasRefusedDuringADeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		for _, c := range []struct {
			name string
			tell func()
			want deployer.NewestState
		}{
			{"refused", func() { a.Refuse("a", "half a JAR", false) }, deployer.Refused},
			{"the same as was refused", func() { a.Same("a", "half a JAR") }, deployer.Refused},
			{"the same as before", func() { a.Same("a", "") }, ""},
			{"refused again", func() { a.Refuse("a", "half a JAR", false) }, deployer.Refused},
			{"not to be had", func() { a.Refuse("a", "no answer", true) }, deployer.Refused},
			{"not built", func() { a.Miss("a", "no JAR") }, deployer.Missing},
			{"the same as before again", func() { a.Same("a", "") }, ""},
			{"not built yet", func() { a.Miss("a", "no JAR") }, deployer.Missing},
			{"ready", func() { a.put(set("a", "newer")) }, ""},
		} {
			c.tell()
			synctest.Wait()
			if s := a.status("a"); s.Newest.State != c.want || c.want == deployer.Refused && s.Newest.Reason != "half a JAR" {
				t.Errorf("%s: %+v, want %q", c.name, s.Newest, c.want)
			}
		}
	})
}

// Who waits for a deploy is told that what there is cannot be deployed.
func TestWhoAsksIsToldOfARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		a.with(func() { clear(a.newest) })
		done := a.Deploy("a")
		synctest.Wait()
		a.Refuse("a", "it does not answer", true) // which may be over soon
		synctest.Wait()
		a.Refuse("a", "half a JAR", false)
		if res := a.result(done); res.Err == nil || res.Err.Error() != "refused: half a JAR" {
			t.Errorf("%+v", res)
		}
	})
}

// Nobody waits for ever for an agent that has ended.
func TestWhoAsksIsAnsweredWhenTheAgentEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		a.see(set("a", "slow", "serve 1"))
		underway := a.Deploy("a")
		pass(time.Second)
		a.with(func() { clear(a.newest) })
		waiting := a.Deploy("a")
		synctest.Wait()
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		for name, done := range map[string]<-chan deployer.Result{
			"under way": underway, "waiting": waiting, "asked later": a.Deploy("a"), "a rollback": a.Rollback("a", ""),
		} {
			if res := a.result(done); res.Err == nil {
				t.Errorf("%s: %+v", name, res)
			}
		}
		if err := a.Pause(t.Context(), "a", true); err == nil {
			t.Error("it is said to be paused")
		}
	})
}

func TestWhoIsToldOfAnEndDoesNotFindItUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		states := map[deployer.Kind]string{}
		var a *agent
		a = newWorld().start(t, onlyA, func(o *deployer.Options) {
			tell := o.Tell
			o.Tell = func(e deployer.Event) {
				tell(e)
				if states[e.Kind] == "" {
					states[e.Kind] = a.Status()[0].State
				}
			}
		})
		for _, s := range []string{"exit 1", "serve", "serve"} { // the last time there is nothing to do
			a.put(set("a", s, s))
		}
		for kind, want := range map[deployer.Kind]string{
			deployer.Deploying: "deploying", deployer.Failed: "failed", deployer.WentLive: "live", deployer.Unchanged: "live",
		} {
			if states[kind] != want {
				t.Errorf("told that it is %s, one finds it %q, want %q", kind, states[kind], want)
			}
		}
	})
}
