package deployer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// withoutC takes the service c out of the configuration, and withC puts it back.
func withoutC(all []deployer.Service) []deployer.Service { return slices.Delete(all, 2, 3) }
func withC(all []deployer.Service) []deployer.Service    { return append(all, service("c", 8083)) }

// A service comes again while what was live of it still finishes what it was doing.
func TestAServiceThatComesAgainAtOnceIsDeployedAnew(t *testing.T) {
	for name, vips := range map[string]bool{"with a virtual IP": true, "without": false} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc, func(o *deployer.Options) {
				o.VIPs, o.Standby = vips, true
				o.Services[0].Needs = []string{"c"}
				slices.Reverse(o.Services) // what is needed goes live first
			})
			vip := a.leased("c")
			a.with(func() { a.instances["c-1"].open = 1 })
			a.reconfigured(func(all []deployer.Service) []deployer.Service {
				all[0].ReloadCommand = "reload"
				return withoutC(all)
			})
			pass(10 * time.Second)
			if i := a.instance("c-1"); i.unit == nil || a.portOf("c").IsValid() {
				t.Fatalf("it has not its time:\n%s", a.world)
			}
			a.reconfigured(func(all []deployer.Service) []deployer.Service {
				all = withC(all)
				all[0].Needs = []string{"c"}
				return all
			})
			if s := a.status("c"); s.State != "none" {
				t.Errorf("status: %+v", s)
			}
			a.put(set("c", "c-again"))
			live := a.live("c")
			a.isLive("c", live, "c-again")
			if live == "c-1" || a.gone("c-1") {
				t.Errorf("%s is live:\n%s", live, a.world)
			}
			pass(time.Minute)
			if !a.gone("c-1") {
				t.Errorf("what was live is left:\n%s", a.world)
			}
			pass(10 * time.Second)
			a.isLive("c", live, "c-again")
			if vips && (a.leased("c") != vip || a.ports.VIPs["c"] != vip || a.instance("a-1").names["c"] != vip) {
				t.Errorf("its virtual IP was %s and is %s:\n%s", vip, a.leased("c"), a.world)
			}
			a.owned()
		})
	}
}

// One that goes and comes within its deploy leaves nothing of that.
func TestAServiceThatGoesDuringItsDeployAndComesAgainIsClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("c", "c-2", "serve 1", "linger 5s"))
		done := a.Deploy("c")
		pass(7 * time.Second)
		a.reconfigured(withoutC)
		a.reconfigured(withC)
		a.put(set("c", "c-3"))
		if res := a.result(done); !res.Open() || !strings.Contains(res.Err.Error(), "gone from the configuration") {
			t.Errorf("%+v", res)
		}
		pass(time.Minute)
		a.isLive("c", a.live("c"), "c-3")
		a.only(t, "c", a.live("c"))
		a.owned()
	})
}

// Names and ports cannot be changed at the moment: the configuration counts all
// the same, and they follow.
func TestAConfigurationCountsThoughPortsCannotBeChangedYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.failWith("ports", errors.New("the lock is held by somebody else"))
		a.failWith("repair ports", errors.New("the lock is held by somebody else"))
		a.reconfigured(withoutC)
		pass(20 * time.Second)
		if e := a.of(deployer.Warning, ""); len(e) == 0 || !strings.Contains(e[0].Reason, "names and ports not changed yet") {
			t.Errorf("told %+v", e)
		}
		if i := a.instance("c-1"); i.unit == nil || len(a.harm) > 0 {
			t.Errorf("ports lead to %s, which is %s", a.portOf("c"), &i)
		}
		a.heals()
		pass(20 * time.Second)
		if a.portOf("c").IsValid() {
			t.Errorf("a port still leads to c")
		}
		a.only(t, "c")
		if len(a.harm) > 0 {
			t.Errorf("harm was done: %q", a.harm)
		}
	})
}

// Ports of the machine may come and go by themselves.
func TestPublishedPortsFollowTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		var o deployer.Options
		abc(&o)
		publish := []deployer.Publish{{Interface: "eth0", Port: 8080, Protocol: "tcp", Service: "a"}}
		before := len(a.of(deployer.Deploying, "a"))
		if again, err := a.Configure(t.Context(), o.Services, publish); err != nil || len(again) > 0 {
			t.Errorf("to be deployed again: %v, %v", again, err)
		}
		synctest.Wait()
		if !slices.Equal(a.ports.Publish, publish) || len(a.of(deployer.Deploying, "a")) != before {
			t.Errorf("published are %+v", a.ports.Publish)
		}
		if _, err := a.Configure(t.Context(), o.Services, nil); err != nil || len(a.ports.Publish) > 0 {
			t.Errorf("published are %+v, %v", a.ports.Publish, err)
		}
	})
}

// The names of services are in the order of the configuration, and who is not in
// it is not known.
func TestServicesAreThoseOfTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.reconfigured(func(all []deployer.Service) []deployer.Service {
			return []deployer.Service{service("d", 8084), all[1], all[0]}
		})
		if names := a.Names(); !slices.Equal(names, []string{"d", "b", "a"}) {
			t.Errorf("there are %v", names)
		}
		for i, s := range a.Status() {
			if want := []string{"none", "live", "live"}[i]; s.State != want {
				t.Errorf("%s is %s, want %s", s.Service, s.State, want)
			}
		}
		for _, res := range []deployer.Result{a.ask("c"), a.result(a.Rollback("c", ""))} {
			if res.Err == nil || res.Service != "c" || !strings.Contains(res.Err.Error(), "gone from the configuration") {
				t.Errorf("%+v", res)
			}
		}
		if err := a.Pause(t.Context(), "c", true); err == nil {
			t.Error("it is said to be paused")
		}
		a.Artefacts(set("c", "c-2")) // seen before that was known
		a.Changed("c")
		a.Refuse("c", "half a JAR", false)
		pass(10 * time.Second)
		a.only(t, "c")
	})
}

// Who has asked for another configuration and goes is not waited for, nor the
// other way round.
func TestAConfigurationIsNotAskedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = a.stop()
		if _, err := a.Configure(ctx, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// A deploy that waits for space is made as the service is configured by then.
func TestWhatWaitsForSpaceIsMadeAsConfiguredByThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.hasSpace(0, 1000)
		a.failWith("create", errInjected)
		a.put(set("a", "a-2"))
		again := a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[0].Exec = "serve"
			return all
		})
		if !slices.Equal(again, []string{"a"}) {
			t.Errorf("to be deployed again: %v", again)
		}
		a.heals()
		a.hasSpace(1<<30, 1000)
		pass(5 * time.Second)
		if s := a.status("a"); s.Set != "a-2" || a.instance(s.Generation).command.Line != "serve" {
			t.Errorf("status: %+v\n%s", s, a.world)
		}
	})
}
