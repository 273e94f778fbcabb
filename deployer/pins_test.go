package deployer_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
)

// A rollback waits for space on a disk, and another one comes in its place and
// fails: what stands is what stood before both.
func TestARollbackInThePlaceOfOneThatWaitsIsAsIfNeitherHadBeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, onlyA)
		for _, id := range []string{"old", "middle", "new"} {
			a.put(set("a", id))
		}
		a.hasSpace(0, 1000)
		a.failWith("install", unix.ENOSPC)
		if res := a.rollback("old"); res.Err == nil || !res.Open() || a.pinned() != "old" {
			t.Fatalf("%+v; pinned is %q", res, a.pinned())
		}
		a.failWith("install", errInjected)
		a.hasSpace(1<<20, 1000) // not full, and not clearly more
		if res := a.rollback("middle"); res.Err == nil || res.Open() {
			t.Fatalf("%+v", res)
		}
		if a.pinned() != "" {
			t.Errorf("pinned is %q, to which nobody has gone back", a.pinned())
		}
		a.heals()
		a.hasSpace(1<<30, 1000)
		pass(time.Minute)
		a.state("new", deployer.Broken)
	})
}

// So it is where the newest was asked for while a pin stood.
func TestAskingForTheNewestDuringARollbackThatFailsKeepsThePinBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, onlyA)
		for _, id := range []string{"old", "middle", "new"} {
			a.put(set("a", id))
		}
		if res := a.rollback("old"); res.Err != nil {
			t.Fatal(res.Err)
		}
		a.with(func() { a.slow = map[string]time.Duration{"install": time.Second} })
		first := a.Rollback("a", "middle")
		synctest.Wait()
		second := a.Deploy("a")
		synctest.Wait()
		if a.pinned() != "" {
			t.Errorf("pinned is %q", a.pinned())
		}
		if res := a.result(first); !res.Open() {
			t.Errorf("the first: %+v", res)
		}
		a.failWith("install", errInjected)
		if res := a.result(second); res.Err == nil || res.Open() {
			t.Errorf("the second: %+v", res)
		}
		synctest.Wait()
		if a.pinned() != "old" {
			t.Errorf("pinned is %q", a.pinned())
		}
		a.heals()
		a.put(set("a", "new")) // seen again
		pass(2 * time.Second)
		a.state("old", deployer.Pinned)
	})
}

// A third one is wanted before the second has begun, and all fail.
func TestOfThreeRollbacksAtOnceAllFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := slowly(t)
		a.put(set("a", "newest"))
		pass(2 * time.Second)
		var all []<-chan deployer.Result
		for _, id := range []string{"old", "middle", "new"} {
			all = append(all, a.Rollback("a", id))
		}
		for i, done := range all {
			if i == 2 {
				a.failWith("install", errInjected)
			}
			if res := a.result(done); res.Err == nil || res.Open() != (i < 2) {
				t.Errorf("%d: %+v", i, res)
			}
		}
		synctest.Wait()
		if a.pinned() != "" {
			t.Errorf("pinned is %q", a.pinned())
		}
		a.state("newest", deployer.Broken)
	})
}

// New bytes come while a rollback is under way: they end it, and that it has not
// gone well then changes nothing.
func TestNewBytesEndARollbackUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := slowly(t)
		done := a.Rollback("a", "old")
		synctest.Wait()
		a.see(set("a", "newer"))
		if res := a.result(done); !res.Open() {
			t.Errorf("%+v", res)
		}
		pass(3 * time.Second)
		if a.pinned() != "" {
			t.Errorf("pinned is %q", a.pinned())
		}
		a.state("newer", "")
	})
}

// The configuration changes while a rollback is under way, or a deploy that somebody
// waits for: it is made anew, and who waits is told how that has ended.
func TestWhatSomebodyWaitsForIsMadeAnewAsConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		wish func(*agent) <-chan deployer.Result
		want string
	}{
		"a rollback": {func(a *agent) <-chan deployer.Result { return a.Rollback("a", "old") }, "old"},
		"a deploy":   {func(a *agent) <-chan deployer.Result { return a.Deploy("a") }, "new"},
	} {
		bubble(t, name, func(t *testing.T) {
			a := slowly(t)
			done := c.wish(a)
			synctest.Wait()
			s := service("a", 8081)
			s.Exec = "serve"
			if _, err := a.Configure(t.Context(), []deployer.Service{s}, nil); err != nil {
				t.Fatal(err)
			}
			if res := a.result(done); res.Err != nil || res.Set != c.want {
				t.Errorf("%+v", res)
			}
			synctest.Wait()
			if line := a.instance(a.live("a")).command.Line; line != "serve" {
				t.Errorf("it runs %q", line)
			}
		})
	}
}

// The agent ends while it undoes what is to be made anew.
func TestWhoWaitsForWhatIsMadeAnewIsAnsweredWhenTheAgentEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := oneOld(t)
		a.put(set("a", "slow", "serve 1", "linger 5s"))
		done := a.Deploy("a")
		pass(10 * time.Second)
		s := service("a", 8081)
		s.Drain = time.Second
		if _, err := a.Configure(t.Context(), []deployer.Service{s}, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // its processes are ending
		_ = a.stop()
		if res := a.result(done); res.Err == nil || !res.Open() {
			t.Errorf("%+v", res)
		}
	})
}

// A service that has been deployed more often than is remembered still knows what
// to go back to.
func TestALongHistoryIsGoneBackIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, onlyA, func(o *deployer.Options) {
			book, err := history.Open(t.TempDir())
			if err == nil {
				err = book.Amend("a", func(p *history.Page) {
					for i := range 200 {
						p.Entries = append(p.Entries, history.Entry{Set: fmt.Sprint("set-", i), Outcome: history.Live})
					}
				})
			}
			if err != nil {
				t.Fatal(err)
			}
			o.History = book
		})
		a.put(set("a", "old"))
		a.put(set("a", "new"))
		if res := a.rollback(""); res.Err != nil || res.Set != "old" {
			t.Errorf("%+v", res)
		}
	})
}

// fullBook is a history whose changes are made in memory, and then not written.
type fullBook struct {
	deployer.History
	full *bool
}

func (b fullBook) Amend(service string, do func(*history.Page)) error {
	if *b.full {
		page, err := b.Page(service)
		page.Entries = slices.Clone(page.Entries)
		do(&page)
		return errors.Join(unix.ENOSPC, err)
	}
	return b.History.Amend(service, do)
}

// What was not written down is not so, and not said to be.
func TestWhatCouldNotBeWrittenDownIsNotSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := false
		a := newWorld().start(t, onlyA, func(o *deployer.Options) { o.History = fullBook{o.History, &full} })
		a.put(set("a", "old"))
		a.put(set("a", "new"))
		full = true
		if err := a.Pause(t.Context(), "a", true); err == nil {
			t.Error("it is said to be paused")
		}
		a.state("new", "")
		if res := a.rollback("old"); res.Err == nil {
			t.Errorf("it is said to be rolled back: %+v", res)
		}
		a.state("new", "")
		a.put(set("a", "newer"))
		a.state("newer", "")
		full = false
		if res := a.rollback(""); res.Err != nil || res.Set != "new" {
			t.Errorf("%+v", res)
		}
		a.state("new", deployer.Pinned)
	})
}
