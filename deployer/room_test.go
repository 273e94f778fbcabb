package deployer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// failWith makes the calls of a name fail; nil ends that.
func (w *world) failWith(name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing = map[string]error{name: err}
}

func (l *lane) isStarved() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.starved != nil
}

func TestADeployThatLackedRoomIsTriedAgainWhenThereIsMore(t *testing.T) {
	r := newRunning(t, nil)
	a := r.lanes["a"]
	r.w.failWith("clone", fmt.Errorf("clone: %w", unix.ENOSPC))
	if res := <-r.put("a", "a-2"); !errors.Is(res.Err, unix.ENOSPC) || r.live("a") != "a-1" {
		t.Fatalf("live is %s, %v", r.live("a"), res.Err)
	}
	if s := r.Status()[0]; s.State != string(Broken) || !strings.Contains(s.Newest.Reason, "tried again when there is more room") {
		t.Errorf("status: %+v", s)
	}
	r.feed()
	if !a.isStarved() {
		t.Error("it is tried again though there is no more room")
	}
	r.w.failWith("", nil)
	a.mu.Lock()
	a.starved.before = make([]room, 2) // there was none
	a.mu.Unlock()
	r.feed()
	r.eventually("it is live", func() bool { return r.live("a") == "a-2" })
	if a.isStarved() {
		t.Error("it is tried again though it is live")
	}
}

func TestWhatIsTriedAgainGivesWayToWhatIsNewer(t *testing.T) {
	r := newRunning(t, nil)
	a := r.lanes["a"]
	r.w.failWith("clone", unix.ENOSPC)
	<-r.put("a", "a-2")
	a.mu.Lock()
	older := a.starved.request
	a.mu.Unlock()
	r.w.failWith("", nil)
	if res := <-r.put("a", "a-3"); res.Err != nil || a.isStarved() {
		t.Fatalf("%v; starved: %t", res.Err, a.isStarved())
	}
	again := make(chan Result, 1)
	older.done = again
	r.Deployer.put(older)
	if res := <-again; !errors.Is(res.Err, errNewer) || r.live("a") != "a-3" {
		t.Errorf("live is %s, %v", r.live("a"), res.Err)
	}
}

func TestAnotherFailureIsNotTriedAgain(t *testing.T) {
	r := newRunning(t, nil)
	r.w.failWith("clone", errInjected)
	if res := <-r.put("a", "a-2"); !errors.Is(res.Err, errInjected) || r.lanes["a"].isStarved() {
		t.Errorf("%v; starved: %t", res.Err, r.lanes["a"].isStarved())
	}
}

func TestHowMuchMoreRoomIsWorthAnotherAttempt(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		before, now room
		want        bool
	}{
		{room{}, room{}, false},
		{room{bytes: 5, inodes: 5}, room{bytes: mib, inodes: 60}, false},
		{room{}, room{bytes: mib}, true},
		{room{}, room{inodes: 64}, true},
		{room{bytes: 100 * mib}, room{bytes: 140 * mib}, false},
		{room{bytes: 100 * mib}, room{bytes: 150 * mib}, true},
		{room{bytes: 100 * mib, inodes: 1000}, room{bytes: mib, inodes: 1500}, true},
		{room{bytes: 100 * mib, inodes: 1000}, room{bytes: mib, inodes: 1400}, false},
	} {
		other := room{bytes: 7 * mib, inodes: 700}
		if got := considerably([]room{other, c.now}, []room{other, c.before}); got != c.want {
			t.Errorf("%+v after %+v: %t", c.now, c.before, got)
		}
	}
}

func TestAFullDiskIsBlamedWhereNothingElseIs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	disk := t.TempDir()
	if err := unix.Mount("jlt-deployer", disk, "tmpfs", 0, "size=4m,nr_inodes=1000"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	w := newWorld(t)
	w.dir = disk
	d := New(Options{Machine: w, Network: w, Logs: t.TempDir()})
	if err := d.blame(errInjected); errors.Is(err, unix.ENOSPC) {
		t.Errorf("blamed though there is room: %v", err)
	}
	if err := os.WriteFile(filepath.Join(disk, "big"), make([]byte, 3<<20+4096), 0o600); err != nil {
		t.Fatal(err)
	}
	err := d.blame(errInjected)
	if !errors.Is(err, unix.ENOSPC) || !errors.Is(err, errInjected) || !strings.Contains(err.Error(), "injected (no space left on device: "+disk+" has room for 1020 KiB") {
		t.Errorf("said %v", err)
	}
	if err := d.blame(nil); err != nil {
		t.Errorf("nothing has failed: %v", err)
	}
}
