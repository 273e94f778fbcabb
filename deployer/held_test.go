package deployer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func TestWhatIsHeldBackGivesWayToWhatIsNewer(t *testing.T) {
	bubble(t, "which came while its processes ended", func(t *testing.T) {
		a := running(t, together)
		a.put(set("b", "b-2", "serve 1", "exit 1 after 5s"))
		a.put(set("a", "a-2", "serve", "linger 3s"))
		pass(6 * time.Second) // a-2 is held back, and its processes end
		if len(a.of(deployer.Failed, "b")) != 1 || a.status("a").State != "deploying" {
			t.Fatalf("status: %+v", a.status("a"))
		}
		a.put(set("a", "a-3", "serve after 5s"))
		pass(3 * time.Second)
		if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, "held back") {
			t.Errorf("told %+v", e)
		}
		a.put(set("b", "b-3")) // the next build, of which a-3 is part
		pass(10 * time.Second)
		for service, set := range map[string]string{"a": "a-3", "b": "b-3"} {
			if s := a.status(service); s.Set != set || s.State != "live" {
				t.Errorf("status: %+v", s)
			}
		}
		if n := len(a.of(deployer.Deploying, "a")); n != 3 {
			t.Errorf("a was deployed %d times: %+v", n, a.of(deployer.Deploying, "a"))
		}
	})
	bubble(t, "which is what was live before", func(t *testing.T) {
		a := running(t, together)
		a.put(set("b", "b-2", "serve 1", "exit 1 after 5s"))
		a.put(set("a", "a-2"))
		pass(6 * time.Second)
		a.put(set("a", "a-1")) // the developer has taken it back
		a.put(set("b", "b-3"))
		pass(time.Second)
		a.isLive("a", "a-1", "a-1")
		if s := a.status("a"); s.State != "live" || s.Newest.State != "" {
			t.Errorf("status: %+v", s)
		}
		a.isLive("b", a.live("b"), "b-3")
	})
}

// What has failed is fixed while others of the build are still being proven: they
// all go live, and nobody has to build anything again.
func TestWhatMendsABuildUnderWayIsPartOfIt(t *testing.T) {
	bubble(t, "a failed deploy", func(t *testing.T) {
		a := running(t, together)
		a.put(set("a", "a-2", "serve after 30s"))
		a.put(set("b", "b-2", "serve 1", "exit 1 after 5s"))
		pass(10 * time.Second)
		a.put(set("b", "b-3"))
		a.isLive("b", "b-1", "b-1")
		pass(25 * time.Second)
		a.isLive("a", "a-2", "a-2")
		a.isLive("b", a.live("b"), "b-3")
	})
	bubble(t, "a failed deploy whose processes still end", func(t *testing.T) {
		a := running(t, together, func(o *deployer.Options) { o.Services[1].Health.Timeout = 10 * time.Second })
		a.put(set("a", "a-2", "serve after 30s"))
		a.put(set("b", "b-2", "serve 1", "linger 3s"))
		pass(11 * time.Second)
		a.put(set("b", "b-3"))
		if len(a.of(deployer.Deploying, "b")) != 2 {
			t.Fatal("they have ended: this tests nothing")
		}
		pass(20 * time.Second)
		a.isLive("a", "a-2", "a-2")
		a.isLive("b", a.live("b"), "b-3")
	})
	bubble(t, "a refused JAR", func(t *testing.T) {
		a := running(t, together)
		a.put(set("a", "a-2", "serve after 30s"))
		a.Changed("b")
		pass(time.Second)
		a.Refuse("b", "half a JAR", false)
		pass(time.Second)
		a.Changed("b")
		a.put(set("b", "b-3"))
		a.isLive("b", "b-1", "b-1")
		pass(30 * time.Second)
		a.isLive("a", "a-2", "a-2")
		a.isLive("b", a.live("b"), "b-3")
	})
	bubble(t, "a failed deploy, and another that is still to be fixed", func(t *testing.T) {
		a := running(t, together)
		a.put(set("a", "a-2", "serve after 30s"))
		a.put(set("c", "c-2", "serve 1", "exit 1 after 5s"))
		a.put(set("b", "b-2", "serve 1", "exit 1 after 5s"))
		pass(10 * time.Second)
		a.put(set("b", "b-3"))
		pass(30 * time.Second)
		for _, name := range []string{"a", "b", "c"} {
			a.isLive(name, name+"-1", name+"-1")
		}
		if e := a.lastOf(deployer.Failed, "b"); !strings.Contains(e.Reason, "held back, since c of the same build failed") {
			t.Errorf("told %+v", e)
		}
		a.put(set("c", "c-3"))
		pass(40 * time.Second)
		for name, set := range map[string]string{"a": "a-2", "b": "b-3", "c": "c-3"} {
			a.isLive(name, a.live(name), set)
		}
	})
}

// A build in which everything fails leaves nothing to wait for.
func TestABuildThatFailsAsAWholeHoldsUpNoOther(t *testing.T) {
	bubble(t, "both fail", func(t *testing.T) {
		a := running(t, together)
		a.put(set("b", "b-2", "serve 1", "exit 1 after 5s"))
		a.put(set("a", "a-2", "serve 1", "exit 1 after 5s"))
		pass(6 * time.Second)
		a.put(set("a", "a-3"))
		a.isLive("a", a.live("a"), "a-3")
		a.put(set("b", "b-3"))
		a.isLive("b", a.live("b"), "b-3")
	})
	bubble(t, "what is held back fails itself", func(t *testing.T) {
		a := running(t, together)
		a.put(set("b", "b-2", "serve 1", "exit 1 after 5s"))
		a.put(set("a", "a-2", "serve", "exit 1 after 20s"))
		pass(6 * time.Second)
		a.put(set("b", "b-3", "serve after 30s"))
		pass(40 * time.Second) // a-2 is proven again, waits for b-3, and ends
		if s := a.status("a"); s.Set != "a-2" && s.Set != "a-1" || s.State == "deploying" {
			t.Errorf("status: %+v", s)
		}
		a.put(set("a", "a-3"))
		pass(time.Second)
		a.isLive("a", a.live("a"), "a-3")
		if s := a.status("b"); s.State == "deploying" {
			t.Errorf("status: %+v", s)
		}
	})
}

// Services of a build go together whoever is first, and each of them once.
func TestThreeOfABuildGoTogether(t *testing.T) {
	bubble(t, "in one act", func(t *testing.T) {
		a := running(t, together)
		for _, name := range []string{"a", "b", "c"} {
			a.Changed(name)
		}
		a.see(set("c", "c-2", "serve after 3s"))
		a.see(set("a", "a-2", "serve after 1s"))
		a.put(set("b", "b-2", "serve after 2s"))
		ports := a.count("ports")
		pass(2900 * time.Millisecond)
		for _, name := range []string{"a", "b", "c"} {
			a.isLive(name, name+"-1", name+"-1")
		}
		pass(time.Second)
		for _, name := range []string{"a", "b", "c"} {
			a.isLive(name, name+"-2", name+"-2")
		}
		if n := a.count("ports") - ports; n != 1 {
			t.Errorf("ports were moved %d times", n)
		}
	})
}

// Of which nothing is live is no part of a build: those that need it would wait
// for it.
func TestAServiceOfWhichNothingIsLiveIsSwitchedAtOnce(t *testing.T) {
	bubble(t, "though others are not proven", func(t *testing.T) {
		a := newWorld().start(t, together)
		a.put(set("a", "a-1"))
		a.put(set("a", "a-2", "serve after 5s"))
		a.put(set("b", "b-1"))
		a.isLive("b", "b-1", "b-1")
		a.isLive("a", "a-1", "a-1")
		pass(6 * time.Second)
		a.isLive("a", "a-2", "a-2")
	})
}
