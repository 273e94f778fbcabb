package deployer_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// reconfigured makes the services those that change makes of a, b and c, or of
// what they were last, and waits until all has been done that needs no time.
func (a *agent) reconfigured(change func([]deployer.Service) []deployer.Service) (again []string) {
	a.t.Helper()
	if a.services == nil {
		var o deployer.Options
		abc(&o)
		a.services = o.Services
	}
	a.services = change(slices.Clone(a.services))
	again, err := a.Configure(a.t.Context(), a.services, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	synctest.Wait()
	return again
}

func TestOnlyWhatHasChangedIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withStandbys)
		before := a.String()
		if again := a.reconfigured(func(all []deployer.Service) []deployer.Service { return all }); len(again) > 0 || a.String() != before {
			t.Errorf("nothing has changed, and %v are to be deployed again\n%s", again, a.world)
		}
		standby := a.status("b").Standby
		again := a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[0].Drain, all[1].Exec = time.Second, "serve"
			return all
		})
		if !slices.Equal(again, []string{"b"}) {
			t.Errorf("to be deployed again: %v, not b alone", again)
		}
		if now := a.status("b").Standby; now != standby {
			t.Errorf("the standby is %q, and was %q: no command is in it yet", now, standby)
		}
		a.put(set("b", "b-1"))
		if e := a.lastOf(deployer.Deploying, "b"); !strings.Contains(e.Reason, "new configuration") || a.status("b").Generation != standby {
			t.Errorf("told %+v, and live is %s", e, a.status("b").Generation)
		}
		a.put(set("b", "b-1"))
		if e := a.lastOf(deployer.Unchanged, "b"); e.Generation != standby {
			t.Errorf("told %+v of what is live by that configuration", e)
		}
		a.put(set("a", "a-1"))
		a.isLive("a", "a-1", "a-1")
		if e := a.lastOf(deployer.Unchanged, "a"); e.Generation != "a-1" {
			t.Errorf("told %+v", e)
		}
	})
}

func TestAStandbyThatIsMadeOtherwiseIsMadeAnew(t *testing.T) {
	for name, change := range map[string]func(*deployer.Service){
		"by its base":   func(s *deployer.Service) { s.Base = "base-2" },
		"by its data":   func(s *deployer.Service) { s.Data = []string{"/data"} },
		"by its memory": func(s *deployer.Service) { s.Memory = 1 << 30 },
		"by its CPUs":   func(s *deployer.Service) { s.CPUs = 0.5 },
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, withStandbys)
			standby := a.status("b").Standby
			a.reconfigured(func(all []deployer.Service) []deployer.Service { change(&all[1]); return all })
			pass(time.Minute)
			if now := a.status("b").Standby; now == standby || now == "" || !a.gone(standby) {
				t.Errorf("the standby is %q, and was %q", now, standby)
			}
		})
	}
}

// The port and the environment of the day come with the artefacts.
func TestAStandbyTakesWhatIsConfiguredWhenArtefactsCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withStandbys)
		standby := a.status("b").Standby
		a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[1].Env, all[1].Port = map[string]string{"A": "new"}, 9090
			return all
		})
		a.put(set("b", "b-2", "serve"))
		a.isLive("b", standby, "b-2")
		if i := a.instance(standby); i.command.Env["A"] != "new" || i.recorded().Port != 9090 {
			t.Errorf("%s, with %v", &i, i.command.Env)
		}
		a.serves("b", standby)
	})
}

func withVIPs(o *deployer.Options) { abc(o); o.VIPs = true }

func TestANewNeedIsWiredWithoutADeploy(t *testing.T) {
	for name, vips := range map[string]bool{"to a virtual IP": true, "to what is live": false} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc, func(o *deployer.Options) { o.VIPs = vips })
			again := a.reconfigured(func(all []deployer.Service) []deployer.Service {
				all[0].Needs = []string{"c"}
				return all
			})
			if len(again) > 0 {
				t.Errorf("to be deployed again: %v", again)
			}
			want := a.instance("c-1").address
			if vips {
				want = a.leased("c")
			}
			if names := a.instance("a-1").names; len(names) != 1 || names["c"] != want || !want.IsValid() {
				t.Errorf("a knows %v, not c at %s", names, want)
			}
			if r := a.recordOf("c-1"); (r.VIP != "") != vips || r.Phase != "live" {
				t.Errorf("the record of c: %+v", r)
			}
			a.reconfigured(func(all []deployer.Service) []deployer.Service {
				all[0].Needs = nil
				return all
			})
			if names := a.instance("a-1").names; len(names) > 0 {
				t.Errorf("a still knows %v", names)
			}
		})
	}
}

func TestAServiceComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withVIPs, func(o *deployer.Options) { o.Standby = true })
		a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[0].Needs = []string{"c"}
			return append(all, service("d", 8084))
		})
		a.put(set("d", "d-1"))
		a.isLive("d", "d-1", "d-1")
		if a.status("c").Standby == "" || !a.leased("c").IsValid() {
			t.Fatalf("status: %+v", a.status("c"))
		}
		a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[0].Needs = nil
			return slices.Delete(all, 2, 3)
		})
		if a.portOf("c").IsValid() {
			t.Error("a port still leads to c")
		}
		pass(3 * time.Second)
		a.only(t, "c")
		if len(a.of(deployer.Retired, "c")) != 1 || a.leased("c").IsValid() || a.ports.VIPs["c"].IsValid() {
			t.Errorf("of c is left %s:\n%s", a.leased("c"), a.world)
		}
		if names := a.Names(); !slices.Equal(names, []string{"a", "b", "d"}) {
			t.Errorf("there are %v", names)
		}
		if res := a.ask("c"); res.Err == nil || !strings.Contains(res.Err.Error(), "gone from the configuration") {
			t.Errorf("a deploy of what is gone ended with %v", res.Err)
		}
		a.reconfigured(func(all []deployer.Service) []deployer.Service { return append(all, service("c", 8083)) })
		a.put(set("c", "c-2"))
		if s := a.status("c"); s.Set != "c-2" || s.State != "live" {
			t.Errorf("it has not come again: %+v", s)
		}
	})
}

func TestADeployUnderWayIsUndoneWhereItsServiceHasChanged(t *testing.T) {
	for name, drop := range map[string]bool{"the service has changed": false, "the service has gone": true} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc, func(o *deployer.Options) { o.Together = true })
			a.put(set("b", "b-2", "serve 1"))
			result := a.Deploy("b")
			pass(time.Second)
			a.put(set("b", "b-2", "serve 1")) // b-3, which is under way
			pass(time.Second)
			candidate := a.there("b")[len(a.there("b"))-1]
			again := a.reconfigured(func(all []deployer.Service) []deployer.Service {
				if drop {
					return slices.Delete(all, 1, 2)
				}
				all[1].Health.Timeout = 2 * time.Minute
				return all
			})
			if res := a.result(result); res.Err == nil {
				t.Errorf("the deploy ended well: %+v", res)
			}
			pass(time.Second)
			if !a.gone(candidate) {
				t.Errorf("the candidate %s is left", candidate)
			}
			if !drop && (!slices.Equal(again, []string{"b"}) || a.live("b") != "b-1") {
				t.Errorf("live is %s; again %v", a.live("b"), again)
			}
			if drop {
				pass(5 * time.Second)
				a.only(t, "b")
				a.put(set("a", "a-2")) // no build waits for b
				if a.status("a").Set != "a-2" {
					t.Errorf("status: %+v", a.status("a"))
				}
			}
		})
	}
}

// What is being switched cannot be stopped any more, and goes all the same.
func TestAServiceThatGoesWhileItIsSwitchedIsGone(t *testing.T) {
	for _, c := range []struct {
		name, slow string
		put, after time.Duration // how long it takes to be well, and when the service goes
	}{
		{"while it is installed", "install", 0, 500 * time.Millisecond},
		{"while ports are moved", "ports", 0, 500 * time.Millisecond},
		{"while it is written down", "record", 0, 2500 * time.Millisecond},
		{"just before", "ports", 500 * time.Millisecond, 0},
	} {
		bubble(t, c.name, func(t *testing.T) {
			a := running(t, abc)
			a.with(func() { a.slow = map[string]time.Duration{c.slow: time.Second} })
			a.see(set("b", "b-2", "serve after "+c.put.String()))
			pass(c.after)
			a.reconfigured(func(all []deployer.Service) []deployer.Service { return slices.Delete(all, 1, 2) })
			pass(90 * time.Second)
			a.only(t, "b")
			if to := a.portOf("b"); to.IsValid() {
				t.Errorf("ports lead to %s", to)
			}
		})
	}
}

func TestAServiceThatGoesWhileItGoesBackIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.put(set("b", "b-2"))
		a.with(func() { a.slow = map[string]time.Duration{"record b-1": time.Second} })
		a.world.dies("b-2")
		pass(500 * time.Millisecond)
		a.reconfigured(func(all []deployer.Service) []deployer.Service { return slices.Delete(all, 1, 2) })
		pass(90 * time.Second)
		a.only(t, "b")
	})
}

func TestAStandbyThatWasMadeMeanwhileIsOfTheConfigurationThatCounts(t *testing.T) {
	for name, drop := range map[string]bool{"the service has changed": false, "the service has gone": true} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, abc, func(o *deployer.Options) {
				o.Standby = true
				for i := range o.Services {
					o.Services[i].Base = "base"
				}
			})
			a.with(func() { a.slow = map[string]time.Duration{"create": time.Second} })
			a.put(set("b", "b-2")) // into the standby; the next one takes its time
			a.reconfigured(func(all []deployer.Service) []deployer.Service {
				if drop {
					return slices.Delete(all, 1, 2)
				}
				all[1].Base = "base-2"
				return all
			})
			pass(90 * time.Second)
			if drop {
				a.only(t, "b")
				return
			}
			if standby := a.instance(a.status("b").Standby); standby.base != "base-2" {
				t.Errorf("the standby is %s", &standby)
			}
			a.owned()
		})
	}
}

func TestAnotherPortCountsFromTheNextGenerationOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, abc)
		a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[0].Port = 9000
			return all
		})
		for range 2 {
			if at := a.portOf("a"); at.Port() != 8081 {
				t.Errorf("what listens on 8081 is asked at %s", at)
			}
			pass(5 * time.Second)
		}
		a.put(set("a", "a-2"))
		if at := a.portOf("a"); at.Port() != 9000 {
			t.Errorf("what listens on 9000 is asked at %s", at)
		}
	})
}

// What goes live in the very moment knows its virtual IP, too.
func TestAVirtualIPIsWrittenDownByWhatGoesLiveMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withVIPs)
		a.see(set("c", "c-2", "serve after 500ms"))
		pass(200 * time.Millisecond)
		a.with(func() { a.slow = map[string]time.Duration{"record c-2": time.Second} })
		pass(500 * time.Millisecond)
		a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[0].Needs = []string{"c"}
			return all
		})
		pass(10 * time.Second)
		a.isLive("c", "c-2", "c-2")
		if vip := a.recordOf("c-2").VIP; vip == "" || vip != a.leased("c").String() {
			t.Errorf("its record says %q, and leased is %s", vip, a.leased("c"))
		}
	})
}

// Who has an address is known to nobody before nothing leads there any more.
func TestAVirtualIPIsFreeWhenNothingLeadsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withVIPs, aNeedsC)
		a.failWith("ports", errors.New("a lock"))
		a.failWith("repair ports", errors.New("a lock"))
		a.reconfigured(func(all []deployer.Service) []deployer.Service { return slices.Delete(all, 2, 3) })
		pass(10 * time.Second)
		if !a.leased("c").IsValid() {
			t.Error("it is free")
		}
		a.heals()
		pass(30 * time.Second)
		if a.leased("c").IsValid() || a.ports.VIPs["c"].IsValid() {
			t.Errorf("it is not free: %s, %v", a.leased("c"), a.ports.VIPs)
		}
		a.only(t, "c")
	})
}

// nextVIPs gives the next agent, which would give other addresses, and where a
// calls c when it has taken stock.
func (w *world) nextVIPs(t *testing.T) (next *agent, calls netip.Addr) {
	t.Helper()
	w.with(func() { w.last = netip.MustParseAddr("10.0.3.200") })
	next = w.start(t, withVIPs, aNeedsC)
	return next, next.instance("a-1").names["c"]
}

func aNeedsC(o *deployer.Options) { o.Services[0].Needs = []string{"c"} }

// An agent that is killed while a service gets a virtual IP, at any act, is
// followed by one that gives it the same, if anybody was told of it.
func TestAVirtualIPThatWasToldOfStays(t *testing.T) {
	for n, ended := 1, false; !ended; n++ {
		bubble(t, fmt.Sprintf("killed at act %d", n), func(t *testing.T) {
			a := running(t, withVIPs)
			a.dies(n)
			var o deployer.Options
			withVIPs(&o)
			aNeedsC(&o)
			_, _ = a.Configure(t.Context(), o.Services, nil)
			pass(time.Second)
			ended = !a.isDead()
			_ = a.stop()
			told := a.instance("a-1").names["c"]
			next, now := a.nextVIPs(t)
			if told.IsValid() && now != told {
				t.Errorf("a was told of %s, and now of %s", told, now)
			}
			if !now.IsValid() || now != next.leased("c") {
				t.Errorf("a calls c at %s, which has %s", now, next.leased("c"))
			}
		})
	}
}

// The bridge's subnet has changed: another virtual IP is given, and is the one that
// the next agent finds, too, wherever this one is killed.
func TestAVirtualIPThatTheBridgeCannotHaveIsExchanged(t *testing.T) {
	for n, over := 1, false; !over; n++ {
		bubble(t, fmt.Sprintf("killed at act %d", n), func(t *testing.T) {
			a := running(t, withVIPs, aNeedsC)
			before := a.leased("c").String()
			_ = a.stop()
			elsewhere := netip.MustParseAddr("10.9.9.9")
			a.with(func() {
				i := a.instances["c-1"]
				i.record = []byte(strings.Replace(string(i.record), before, elsewhere.String(), 1))
				a.instances["a-1"].names["c"], a.instances["a-1"].cached["c"] = elsewhere, elsewhere
			})
			over = a.recoveryKilled(t, n, withVIPs, aNeedsC)
			told := a.instance("a-1").names["c"]
			_, now := a.nextVIPs(t)
			if !now.IsValid() || now == elsewhere || told != elsewhere && now != told {
				t.Errorf("a was told of %s, and now of %s", told, now)
			}
		})
	}
}

// What could not be given to all is given to none.
func TestAVirtualIPThatIsLackingChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, withVIPs)
		before := a.String()
		var o deployer.Options
		withVIPs(&o)
		o.Services[0].Needs, o.Services[1].Needs = []string{"b"}, []string{"c"}
		a.fails(false, 2)
		if _, err := a.Configure(t.Context(), o.Services, nil); err == nil {
			t.Fatal("no error")
		}
		synctest.Wait()
		if after := a.String(); after != before || a.leased("b").IsValid() || a.leased("c").IsValid() {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
}
