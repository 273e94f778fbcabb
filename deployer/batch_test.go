package deployer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func together(o *deployer.Options) { abc(o); o.Together = true }

func TestABuildIsSwitchedTogether(t *testing.T) {
	bubble(t, "nobody before the last is proven", func(t *testing.T) {
		a := running(t, together)
		a.see(set("b", "b-2", "serve after 5s"))
		pass(time.Second)
		a.put(set("a", "a-2"))
		pass(time.Second)
		a.isLive("a", "a-1", "a-1")
		if s := a.status("a"); s.State != "deploying" {
			t.Errorf("a is %+v before b is proven", s)
		}
		pass(5 * time.Second)
		a.isLive("a", "a-2", "a-2")
		a.isLive("b", "b-2", "b-2")
	})
	bubble(t, "a change that is still being written is waited for", func(t *testing.T) {
		a := running(t, together)
		a.Changed("b")
		a.Changed("b")
		pass(20 * time.Millisecond)
		a.put(set("a", "a-2"))
		pass(time.Minute)
		a.isLive("a", "a-1", "a-1")
		a.put(set("b", "b-2"))
		a.isLive("a", "a-2", "a-2")
		a.isLive("b", "b-2", "b-2")
	})
	bubble(t, "all or none, and those held back go with what fixes the build", func(t *testing.T) {
		a := running(t, together)
		a.see(set("b", "b-2", "serve 1", "exit 1 after 5s"))
		pass(time.Second)
		a.put(set("a", "a-2"))
		pass(5 * time.Second)
		if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, "held back, since b of the same build failed") || e.Kept {
			t.Errorf("told %+v", e)
		}
		a.isLive("a", "a-1", "a-1")
		a.isLive("b", "b-1", "b-1")
		// What was held back was well: there is nothing to look for in it.
		a.checkKept("a")
		a.checkKept("b", "b-2")
		pass(time.Hour)
		a.put(set("b", "b-3"))
		a.isLive("a", "a-3", "a-2")
		a.isLive("b", "b-3", "b-3")
		if took := a.lastOf(deployer.WentLive, "a").Took; took > time.Second {
			t.Errorf("what had to wait is said to have taken %s", took)
		}
	})
	bubble(t, "what has newer artefacts itself is not held back any more", func(t *testing.T) {
		a := running(t, together)
		a.see(set("b", "b-2", "serve 1", "exit 1 after 5s"))
		pass(time.Second)
		a.put(set("a", "a-2"))
		pass(5 * time.Second)
		a.put(set("a", "a-3"))
		pass(time.Second)
		if s := a.status("a"); s.Set != "a-3" || s.State != "live" {
			t.Errorf("status: %+v", s)
		}
		if n := len(a.of(deployer.Deploying, "a")); n != 3 {
			t.Errorf("a was deployed %d times", n)
		}
	})
	bubble(t, "a refused JAR is a failure of its build", func(t *testing.T) {
		a := running(t, together)
		a.Changed("b")
		pass(time.Second)
		a.put(set("a", "a-2"))
		a.Refuse("b", "it is no JAR", false)
		pass(time.Second)
		if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, "held back, since b of the same build failed: refused: it is no JAR") {
			t.Errorf("told %+v", e)
		}
		a.isLive("a", "a-1", "a-1")
	})
	bubble(t, "a share in trouble is not awaited", func(t *testing.T) {
		a := running(t, together)
		a.Changed("b")
		pass(time.Second)
		a.Refuse("b", "it does not answer", true)
		pass(time.Second)
		a.put(set("a", "a-2"))
		a.isLive("a", "a-2", "a-2")
	})
	bubble(t, "what has changed back is not awaited", func(t *testing.T) {
		a := running(t, together)
		a.Changed("b")
		pass(time.Second)
		a.put(set("a", "a-2"))
		a.Same("b", "")
		pass(time.Second)
		a.isLive("a", "a-2", "a-2")
	})
	bubble(t, "what waits for its needs is not awaited", func(t *testing.T) {
		a := running(t, together)
		a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[1].Needs = []string{"d"}
			return append(all, service("d", 8084))
		})
		a.put(set("b", "b-2"))
		if s := a.status("b"); s.State != "waiting" || len(s.WaitsFor) != 1 || s.WaitsFor[0] != "d" {
			t.Errorf("status: %+v", s)
		}
		a.put(set("a", "a-2"))
		a.isLive("a", "a-2", "a-2")
		a.put(set("d", "d-1"))
		a.isLive("d", "d-1", "d-1")
		a.isLive("b", "b-2", "b-2")
	})
	bubble(t, "one that is given up holds up no other", func(t *testing.T) {
		a := running(t, together)
		a.see(set("b", "b-2", "serve 1"))
		pass(time.Second)
		a.put(set("a", "a-2"))
		pass(time.Second)
		a.put(set("b", "b-3"))
		pass(time.Second)
		a.isLive("a", "a-2", "a-2")
		a.isLive("b", "b-3", "b-3")
	})
	bubble(t, "a switch that fails is one of all", func(t *testing.T) {
		a := running(t, together)
		a.failWith("ports", errors.New("the lock is held by somebody else"))
		a.Changed("b")
		pass(time.Second)
		a.put(set("a", "a-2"))
		a.put(set("b", "b-2"))
		for _, name := range []string{"a", "b"} {
			if e := a.lastOf(deployer.Failed, name); e.Step != "switch" {
				t.Errorf("told %+v", e)
			}
			a.isLive(name, name+"-1", name+"-1")
		}
	})
}
