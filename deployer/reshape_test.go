package deployer

import (
	"errors"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// reconfigured makes the services those that change makes of them.
func (r *running) reconfigured(change func([]Service) []Service) (again []string) {
	r.t.Helper()
	again, err := r.Reconfigure(r.t.Context(), change(slices.Clone(r.Services)))
	if err != nil {
		r.t.Fatal(err)
	}
	return again
}

func (r *running) gone(container string) bool {
	_, err := os.Stat(r.w.Folder(container))
	return errors.Is(err, os.ErrNotExist)
}

func TestOnlyWhatHasChangedIsDone(t *testing.T) {
	r := newRunning(t, func(o *Options) { o.Standby = true })
	r.eventually("standbys", func() bool {
		return !slices.ContainsFunc(r.Status(), func(s Status) bool { return s.Standby == "" })
	})
	before := r.w.String()
	if again := r.reconfigured(func(all []Service) []Service { return all }); len(again) > 0 || r.w.String() != before {
		t.Errorf("nothing has changed, and %v are to be deployed again\n%s", again, r.w)
	}
	again := r.reconfigured(func(all []Service) []Service {
		all[0].Drain, all[1].Exec = time.Second, "java -Xmx1g -jar b.jar"
		return all
	})
	if !slices.Equal(again, []string{"b"}) {
		t.Errorf("to be deployed again: %v, not b alone", again)
	}
	if r.w.String() != before {
		t.Errorf("it is not as before\n%s\n%s", before, r.w)
	}
	if res := <-r.put("b", "b-1"); res.Err != nil || res.Plan.Reason != "new configuration" {
		t.Errorf("%+v", res)
	}
	if res := <-r.put("a", "a-1"); res.Err != nil || res.Plan.Deploy {
		t.Errorf("a was deployed: %+v", res)
	}
}

func TestANewNeedIsWiredWithoutADeploy(t *testing.T) {
	for name, stable := range map[string]bool{"to a service address": true, "to what is live": false} {
		t.Run(name, func(t *testing.T) {
			r := newRunning(t, func(o *Options) { o.Stable = stable })
			again := r.reconfigured(func(all []Service) []Service {
				all[0].Needs = []string{"c"}
				return all
			})
			if len(again) > 0 {
				t.Errorf("to be deployed again: %v", again)
			}
			c := r.wiring.current("c")
			want := c.Address
			if stable {
				want = r.wiring.fixedOf("c")
			}
			if names := r.namesOf("a-1"); len(names) != 1 || names["c"] != want {
				t.Errorf("a knows %v, not c at %s", names, want)
			}
			if record, err := readRecord(r.w.Folder(c.Name())); err != nil || record.Fixed.IsValid() != stable || record.Phase != Live {
				t.Errorf("the record of c: %+v, %v", record, err)
			}
			r.reconfigured(func(all []Service) []Service {
				all[0].Needs = nil
				return all
			})
			if names := r.namesOf("a-1"); len(names) > 0 {
				t.Errorf("a still knows %v", names)
			}
		})
	}
}

func TestAServiceComesAndGoes(t *testing.T) {
	r := newRunning(t, func(o *Options) { o.Standby, o.Stable = true, true })
	r.reconfigured(func(all []Service) []Service {
		all[0].Needs = []string{"c"}
		return append(all, Service{Name: "d", Base: "base", Target: "/d", Port: 8084, HealthTimeout: time.Minute, Drain: time.Minute})
	})
	if res := <-r.put("d", "d-1"); res.Err != nil || r.live("d") != "d-1" {
		t.Fatalf("live is %s, %v", r.live("d"), res.Err)
	}
	r.eventually("a standby of c", func() bool { return r.Status()[2].Standby != "" })
	standby := r.Status()[2].Standby
	r.reconfigured(func(all []Service) []Service {
		all[0].Needs = nil
		return slices.Delete(all, 2, 3)
	})
	if _, leads := r.w.portOf("c"); leads {
		t.Error("a port still leads to c")
	}
	r.eventually("c is gone", func() bool { return r.gone("c-1") && r.gone(standby) && r.told(Retired, "c") })
	r.eventually("its address is free", func() bool { return !r.wiring.fixedOf("c").IsValid() })
	if names := r.Names(); !slices.Equal(names, []string{"a", "b", "d"}) {
		t.Errorf("there are %v", names)
	}
	if res := <-r.put("c", "c-2"); res.Err == nil || !strings.Contains(res.Err.Error(), "no service") {
		t.Errorf("a deploy of what is gone ended with %v", res.Err)
	}
	r.reconfigured(func(all []Service) []Service {
		return append(all, Service{Name: "c", Base: "base", Target: "/c", Port: 8083, HealthTimeout: time.Minute, Drain: time.Minute})
	})
	if res := <-r.put("c", "c-2"); res.Err != nil || r.live("c") != "c-2" {
		t.Errorf("it has not come again: %v", res.Err)
	}
}

func TestADeployUnderWayIsUndoneWhereItsServiceHasChanged(t *testing.T) {
	for name, drop := range map[string]bool{"the service has changed": false, "the service has gone": true} {
		t.Run(name, func(t *testing.T) {
			r := newRunning(t, func(o *Options) { o.Together = true })
			r.makeSick("b", true)
			result := r.put("b", "b-2")
			r.proving("b")
			again := r.reconfigured(func(all []Service) []Service {
				if drop {
					return slices.Delete(all, 1, 2)
				}
				all[1].HealthTimeout = 2 * time.Minute
				return all
			})
			if res := <-result; res.Err == nil {
				t.Errorf("the deploy ended well: %+v", res)
			}
			r.eventually("the candidate is gone", func() bool { return r.gone("b-2") })
			if !drop && (!slices.Equal(again, []string{"b"}) || r.live("b") != "b-1") {
				t.Errorf("live is %s; again %v", r.live("b"), again)
			}
			if drop {
				r.eventually("what was live is gone", func() bool { return r.gone("b-1") })
			}
			if res := <-r.put("a", "a-2"); res.Err != nil { // no build waits for b
				t.Error(res.Err)
			}
		})
	}
}

func TestAnotherPortCountsFromTheNextGenerationOn(t *testing.T) {
	r := newRunning(t, nil)
	r.reconfigured(func(all []Service) []Service {
		all[0].Port = 9000
		return all
	})
	if at, _ := r.w.portOf("a"); at.Port() != 8081 {
		t.Errorf("what listens on 8081 is asked at %s", at)
	}
	r.tidy(t.Context())
	if at, _ := r.w.portOf("a"); at.Port() != 8081 {
		t.Errorf("what listens on 8081 is asked at %s", at)
	}
}

// namesOf gives what the hosts file of a container says.
func (r *running) namesOf(container string) map[string]netip.Addr {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	return maps.Clone(r.w.containers[container].names)
}

// portOf gives where the ports of a service lead to.
func (w *world) portOf(service string) (netip.AddrPort, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, leads := w.ports[service]
	return at, leads
}
