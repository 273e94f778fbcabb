package deployer_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

func (w *world) hasSpace(bytes, files uint64) {
	w.with(func() { w.space = []deployer.Space{{Where: "/", Bytes: bytes, Files: files}} })
}

func TestADeployThatLackedSpaceIsTriedAgainWhenThereIsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.hasSpace(0, 1000)
		a.failWith("create", unix.ENOSPC)
		a.see(set("a", "a-2"))
		res := a.ask("a")
		if res.Err == nil || !res.Open() {
			t.Errorf("%+v", res)
		}
		if s := a.status("a"); s.State != "failed" || !strings.Contains(s.Newest.Reason, "tried again when there is more room") {
			t.Errorf("status: %+v", s)
		}
		tried := len(a.of(deployer.Deploying, "a"))
		pass(time.Minute)
		if now := len(a.of(deployer.Deploying, "a")); now != tried {
			t.Error("it is tried again though there is no more room")
		}
		a.heals()
		a.hasSpace(1<<30, 1000)
		pass(5 * time.Second)
		if s := a.status("a"); s.Set != "a-2" || s.State != "live" {
			t.Errorf("status: %+v", s)
		}
		if took := a.lastOf(deployer.WentLive, "a").Took; took > time.Second {
			t.Errorf("what had to wait is said to have taken %s", took)
		}
		a.hasSpace(1<<40, 1000)
		pass(time.Minute)
		if now := len(a.of(deployer.Deploying, "a")); now != tried+1 {
			t.Error("it is tried again though it is live")
		}
	})
}

func TestWhatIsTriedAgainGivesWayToWhatIsNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.hasSpace(0, 1000)
		a.failWith("create", unix.ENOSPC)
		a.put(set("a", "a-2"))
		a.heals()
		a.put(set("a", "a-3", "serve after 10s"))
		a.hasSpace(1<<30, 1000)
		pass(30 * time.Second)
		if s := a.status("a"); s.Set != "a-3" {
			t.Errorf("status: %+v", s)
		}
		for _, e := range a.of(deployer.Deploying, "a")[2:] {
			if e.Set == "a-2" {
				t.Errorf("told %+v", e)
			}
		}
	})
}

func TestAnotherFailureIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.hasSpace(2<<20, 1000)
		a.failWith("create", errInjected)
		a.put(set("a", "a-2"))
		a.heals()
		a.hasSpace(1<<30, 1000)
		pass(time.Minute)
		a.isLive("a", "a-1", "a-1")
	})
}

func TestAFullDiskIsNamedWhereNothingElseIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.failWith("create", errInjected)
		a.hasSpace(1020<<10, 1000)
		a.put(set("a", "a-2"))
		if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, "injected (no space left on device: / has room for 1020 KiB and 1000 files)") {
			t.Errorf("told %q", e.Reason)
		}
		a.heals()
		a.hasSpace(1<<30, 1000)
		pass(5 * time.Second)
		if s := a.status("a"); s.Set != "a-2" {
			t.Errorf("status: %+v", s)
		}
	})
}
