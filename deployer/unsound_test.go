package deployer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// beingRead is a set whose reading ends when end is called.
func beingRead(service, id string, script ...string) (s watcher.Set, end func(error)) {
	s = set(service, id, script...)
	s.Reading, end = watcher.NewReading()
	return s, end
}

var errSpoiled = fmt.Errorf("%w: app.jar is damaged", watcher.ErrUnsound)

func TestNothingIsSwitchedBeforeTheArtefactsHaveBeenRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		s, end := beingRead("a", "a-2")
		a.put(s)
		pass(10 * time.Second)
		if step := a.status("a").Deploy; step == nil || step.Step != "read" {
			t.Fatalf("it is at %+v", step)
		}
		a.isLive("a", "a-1", "a-1")
		end(nil)
		a.eventually("it is live", func() bool { return a.status("a").Set == "a-2" })
	})
}

func TestWhatHasToEndFirstIsNotTouchedBeforeTheArtefactsHaveBeenRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := withDatabase(t)
		s, end := beingRead("db", "db-2", rows("two")...)
		a.put(s)
		pass(10 * time.Second)
		if step := a.status("db").Deploy; step == nil || step.Step != "read" {
			t.Fatalf("it is at %+v", step)
		}
		if n := a.instance("db-1").starts; n != 1 {
			t.Errorf("started %d times", n)
		}
		a.serves("db", "db-1")
		end(errSpoiled)
		a.Unsound(s)
		pass(time.Minute)
		a.isLive("db", "db-1", "db-1")
		if n := a.instance("db-1").starts; n != 1 || len(a.of(deployer.Failed, "db")) > 0 {
			t.Errorf("started %d times, told %+v", n, a.heard())
		}
		a.owned()
	})
}

// Whatever a deploy is doing when its artefacts prove broken, and whether the
// watcher's word comes first or the reading's: it is no failure, and who asked for
// it hears what becomes of the files.
func TestWhatProvesNotToBeWholeIsGivenUp(t *testing.T) {
	scripts := map[string][]string{
		"while it starts":         {"print never listens"},
		"when it is healthy":      {"serve"},
		"after it failed by that": {"print corrupt", "exit 1 after 1s"},
	}
	for when, script := range scripts {
		for _, wordFirst := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, the word first %t", when, wordFirst), func(t *testing.T) {
				a := running(t, abc)
				s, end := beingRead("a", "a-2", script...)
				a.see(s)
				asked := a.Deploy("a")
				pass(3 * time.Second)
				if wordFirst {
					a.Unsound(s)
					synctest.Wait()
					end(errSpoiled)
				} else {
					end(errSpoiled)
					pass(time.Minute + time.Second)
					a.Unsound(s)
				}
				pass(time.Second)
				select {
				case res := <-asked:
					t.Fatalf("answered before it is known: %+v", res)
				default:
				}
				a.Refuse("a", "app.jar is damaged; build it again", false)
				if res := a.result(asked); res.Err == nil || !strings.Contains(res.Err.Error(), "refused: app.jar is damaged") {
					t.Errorf("who asked hears %v", res.Err)
				}
				if failed := a.of(deployer.Failed, "a"); len(failed) > 0 {
					t.Errorf("told %+v", failed)
				}
				a.isLive("a", "a-1", "a-1")
				if s := a.status("a"); s.State != "refused" || s.Failed != "" {
					t.Errorf("status: %+v", s)
				}
				a.put(set("a", "a-3"))
				a.eventually("the whole is live", func() bool { return a.status("a").Set == "a-3" })
			})
		}
	}
}

// That the reading itself fails is a failure as any other.
func TestAReadingThatFailsIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		s, end := beingRead("a", "a-2")
		a.put(s)
		end(errors.New("input/output error"))
		a.eventually("it has failed", func() bool { return len(a.of(deployer.Failed, "a")) > 0 })
		if e := a.lastOf(deployer.Failed, "a"); e.Step != "read" || !strings.Contains(e.Reason, "input/output error") {
			t.Errorf("told %+v", e)
		}
		a.isLive("a", "a-1", "a-1")
	})
}
