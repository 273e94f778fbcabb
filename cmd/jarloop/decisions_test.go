package main

import (
	"errors"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/history"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

func TestASetThatIsNotMeantIsTheCallersMistake(t *testing.T) {
	page := func(sets ...string) (p history.Page) {
		for _, set := range sets {
			p.Entries = append(p.Entries, history.Entry{Set: set, Outcome: history.Live})
		}
		return p
	}
	for _, c := range []struct {
		name string
		page history.Page
		set  string
		want string // the set, or what is said
	}{
		{"the one before", page("3fa2", "77aa"), "", "3fa2"},
		{"one by how it begins", page("3fa2", "8cc1", "77aa"), "3", "3fa2"},
		{"none before", page("77aa"), "", "there is no earlier set of web that was live"},
		{"the one that is live", page("3fa2", "77aa"), "77", "set 77aa of web is live already"},
		{"one that never was", page("3fa2", "77aa"), "f0", `no set of web that was live begins with "f0": jarloop history web shows them`},
		{"two that begin so", page("3fa2", "3fb1", "77aa"), "3f", `"3f" is how 2 sets of web begin: give more of it`},
	} {
		got, err := earlier(c.page, "77aa", control.RollbackRequest{Service: "web", Set: c.set})
		var input control.InputError
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err != nil && !errors.As(err, &input) {
			t.Errorf("%s: %q (%T), want %q", c.name, got, err, c.want)
		}
	}
}

// What has been decided is said again when a deploy that was asked for, or of
// what was gone back to, has ended.
func TestStatusSaysWhatWasDecidedAfterADeploy(t *testing.T) {
	a := newDeciding(t)
	stop := a.started()
	newest := a.saved("new")
	a.failed(newest)
	stop() // nothing else is told now
	for _, c := range []struct {
		name string
		page history.Page
		want deployer.NewestState
	}{
		{"nothing", history.Page{}, deployer.Broken},
		{"paused", history.Page{Paused: true}, deployer.Paused},
		{"rolled back", history.Page{Pin: &history.Pin{Set: "old", Over: newest}}, deployer.Pinned},
	} {
		for _, kind := range []deployer.Kind{deployer.WentLive, deployer.Unchanged} {
			a.amend("page", func(p *history.Page) { *p = c.page })
			a.tell(deployer.Event{Kind: kind, Service: "page", Set: "old"})
			if got := a.deployer.Status()[0].Newest.State; got != c.want {
				t.Errorf("%s, and then %s: %q, want %q", c.name, kind, got, c.want)
			}
		}
	}
}

// What is refused while the set before is deployed is not live afterwards.
func TestStatusSaysWhatWasRefusedDuringADeploy(t *testing.T) {
	a := newDeciding(t)
	a.started()()
	event := func(kind watcher.EventKind, reason string) {
		a.seen(t.Context(), watcher.Event{Kind: kind, Service: "page", Reason: reason, Set: watcher.Set{Service: "page", ID: "new"}})
	}
	for _, c := range []struct {
		name string
		tell func()
		want deployer.NewestState
	}{
		{"refused", func() { event(watcher.Refused, "half a JAR") }, deployer.Refused},
		{"the same as was refused", func() { event(watcher.Same, "half a JAR") }, deployer.Refused},
		{"the same as before", func() { event(watcher.Same, "") }, ""},
		{"refused again", func() { event(watcher.Refused, "half a JAR") }, deployer.Refused},
		{"ready", func() { event(watcher.Ready, "") }, ""},
	} {
		c.tell()
		a.tell(deployer.Event{Kind: deployer.WentLive, Service: "page", Set: "old"})
		if got := a.deployer.Status()[0].Newest.State; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
