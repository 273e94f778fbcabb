package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/history"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// What a person has gone back to is not what is live: an agent has ended before
// it was, or the container has been lost. The next agent goes back to it, not
// to the newest, and not to nothing.
func TestARollbackIsUpheldByTheNextAgent(t *testing.T) {
	a := newDeciding(t)
	stop := a.started()
	old, newest := a.saved("old"), a.saved("new")
	stop()
	a.amend("page", func(p *history.Page) { p.Pin = &history.Pin{Set: old, Over: newest} })
	a.started()
	if set := a.next(); set != old {
		t.Errorf("deployed is %.8s, not %.8s, which is pinned", set, old)
	}
	if a.pinned() != old {
		t.Error("it is not pinned any more")
	}
}

func TestARollbackGoesOnWhenWhoAskedForItHasGone(t *testing.T) {
	a := newDeciding(t)
	a.started()
	old := a.saved("old")
	newest := a.saved("new")
	a.live(old)
	a.live(newest)
	a.blocked()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := a.Rollback(ctx, control.RollbackRequest{Service: "page", Set: old})
		ended <- err
	}()
	if set := a.next(); set != old {
		t.Errorf("deployed is %.8s", set)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if a.pinned() != old {
		t.Error("it is under way, and not pinned")
	}
	close(a.barren.wait)
	a.eventuallyPinned("") // it has failed
}

// Whoever deploys the newest has done with the rollback, also when the agent is
// killed before it can write down what has gone live.
func TestAskingForTheNewestEndsAPin(t *testing.T) {
	a := newDeciding(t)
	stop := a.started()
	old, newest := a.saved("old"), a.saved("new")
	pin := history.Pin{Set: old, Over: newest}
	a.amend("page", func(p *history.Page) { p.Pin = &pin })
	a.withheld("page", "")
	if a.pinned() != old {
		t.Error("nothing has been seen, and it is not pinned any more")
	}
	a.blocked()
	go func() { _, _ = a.Deploy(t.Context(), []string{"page"}) }()
	if set := a.next(); set != newest || a.pinned() != "" {
		t.Errorf("deployed is %.8s, and %.8s is pinned", set, a.pinned())
	}
	close(a.barren.wait)
	a.eventuallyPinned(old) // it has failed, and is as if it had not been
	stop()
}

// A deploy that cannot be stopped any more does not undo a rollback that was
// asked for meanwhile.
func TestWhatGoesLiveDuringARollbackDoesNotEndIt(t *testing.T) {
	a := newDeciding(t)
	a.started()
	old, newest := a.saved("old"), a.saved("new")
	a.live(old)
	a.rollback(old)
	a.live(newest)
	if a.pinned() != old {
		t.Errorf("pinned is %q", a.pinned())
	}
	close(a.barren.wait)
}

func TestOfTwoRollbacksAtOnceTheSecondFails(t *testing.T) {
	a := newDeciding(t)
	a.started()
	old := a.saved("old")
	a.live(old)
	middle := a.saved("middle")
	a.live(middle)
	a.saved("new")
	first, second := a.rollback(old), a.rollback(middle)
	close(a.barren.wait)
	<-first
	if o := <-second; o.Error == "" {
		t.Errorf("it has ended with %+v: this test tests nothing", o)
	}
	if a.pinned() != "" {
		t.Errorf("pinned is %.8s, to which nobody has gone back", a.pinned())
	}
}

// The newest comes again, as when what is live is lost, while a person goes back
// to another: that is under way already.
func TestARollbackUnderWayIsNotBegunAnew(t *testing.T) {
	a := newDeciding(t)
	a.started()
	old := a.saved("old")
	a.saved("new")
	a.live(old)
	done := a.rollback(old)
	a.again("page")
	for deadline := time.Now().Add(20 * time.Second); a.deployer.Status()[0].Newest.State != deployer.Pinned; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the newest has not come")
		}
	}
	close(a.barren.wait)
	if o := <-done; !strings.Contains(o.Error, "none can be made here") || len(a.tried) != 0 {
		t.Errorf("it has ended with %+v, and %d more are deployed", o, len(a.tried))
	}
}

// What waits for room on a disk is deployed when there is some, and has to be
// pinned then.
func TestARollbackThatWaitsForRoomStaysPinned(t *testing.T) {
	a := newDeciding(t)
	a.barren.lacks = unix.ENOSPC
	a.started()
	old := a.saved("old")
	a.saved("new")
	a.live(old)
	done := a.rollback(old)
	close(a.barren.wait)
	<-done
	if a.pinned() != old {
		t.Error("it is to be deployed, and not pinned")
	}
}

func TestWhatCannotBeWrittenDownIsNotPromised(t *testing.T) {
	a := newDeciding(t)
	small := t.TempDir()
	if err := unix.Mount("none", small, "tmpfs", 0, "size=128k"); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
	a.remembers(small)
	a.started()
	old := a.saved("old")
	a.saved("new")
	a.live(old)
	if err := os.WriteFile(filepath.Join(small, "full"), make([]byte, 128<<10), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if err := a.Pause(control.PauseRequest{Service: "page", Paused: true}); err == nil {
		t.Error("it is said to be paused")
	}
	if o, err := a.Rollback(t.Context(), control.RollbackRequest{Service: "page", Set: old}); err == nil {
		t.Errorf("it is said to be rolled back: %+v", o)
	}
	if len(a.tried) != 0 {
		t.Errorf("%.8s is deployed", <-a.tried)
	}
}

// A set that a person goes back to may be older than those that are kept.
func TestWhatIsPinnedIsKept(t *testing.T) {
	a := newDeciding(t)
	a.keepSets = 1
	a.started()
	old, middle, newest := a.saved("old"), a.saved("middle"), a.saved("new")
	a.live(middle)
	a.amend("page", func(p *history.Page) { p.Pin = &history.Pin{Set: old, Over: newest} })
	if _, err := watcher.Load(a.sets, "page", old); err == nil {
		t.Fatal("it was not to be kept: this test tests nothing")
	}
	a.saved("old")
	a.saved("newer still")
	a.amend("page", func(p *history.Page) { p.Pin = &history.Pin{Set: old, Over: a.newestOf("page")} })
	a.live(middle)
	if _, err := watcher.Load(a.sets, "page", old); err != nil {
		t.Error(err)
	}
}

// A history that cannot be read at the moment says nothing of which sets may go.
func TestNothingIsPrunedForAHistoryThatCannotBeRead(t *testing.T) {
	a := newDeciding(t)
	folder := t.TempDir()
	a.remembers(folder)
	a.started()
	old, newest := a.saved("old"), a.saved("new")
	a.live(old)
	a.failed(newest) // nobody writes any more
	page := filepath.Join(folder, "page.json")
	if err := errors.Join(os.Remove(page), os.Symlink("page.json", page)); err != nil {
		t.Fatal(err)
	}
	a.live(newest)
	if _, err := watcher.Load(a.sets, "page", old); err != nil {
		t.Error(err)
	}
}

// Services of one build wait for each other, but not for one whose files cannot
// be had: nobody knows for how long.
func TestAShareInTroubleIsNotAwaited(t *testing.T) {
	a := newDeciding(t)
	a.started()()
	a.seen(t.Context(), watcher.Event{Kind: watcher.Changed, Service: "page"})
	if !a.changing["page"] {
		t.Fatal("nothing is awaited: this test tests nothing")
	}
	a.seen(t.Context(), watcher.Event{Kind: watcher.Degraded, Service: "page", Reason: "it does not answer"})
	if a.changing["page"] {
		t.Error("its files are awaited")
	}
}

// An agent may be killed before it writes down what has gone live.
func TestWhatIsTakenUpHasBeenLive(t *testing.T) {
	a := newDeciding(t)
	a.started()
	adopted := func(set string) {
		a.remember(deployer.Event{Kind: deployer.Adopted, Service: "page", Set: set})
	}
	a.live("1")
	adopted("2")
	adopted("2")
	adopted("1")
	if good := a.page("page").Good(); len(good) != 2 || good[0] != "1" || good[1] != "2" {
		t.Errorf("good are %q", good)
	}
}
