package deployer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/jarloop/jarloop/deployer"
)

func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var ran []deployer.Hook
		var refuse error
		a := running(t, abc, func(o *deployer.Options) {
			o.Standby = true
			o.Services[0].Before, o.Services[0].After = []string{"before"}, []string{"after"}
			o.Hook = func(_ context.Context, h deployer.Hook) error {
				mu.Lock()
				defer mu.Unlock()
				ran = append(ran, h)
				return refuse
			}
		})
		hooks := func() []deployer.Hook {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(ran)
		}
		if len(hooks()) != 2 {
			t.Fatalf("run were %+v", hooks())
		}
		if h := hooks()[0]; h.Name != "before_deploy" || h.Argv[0] != "before" || h.Service != "a" || h.Set != "a-1" || h.Serving != "" {
			t.Errorf("before: %+v", h)
		}
		if h := hooks()[1]; h.Name != "after_deploy" || h.Argv[0] != "after" || h.Generation != "a-1" || h.Address == "" {
			t.Errorf("after: %+v", h)
		}

		standby := a.status("a").Standby
		mu.Lock()
		refuse = errors.New("exit status 1")
		mu.Unlock()
		a.put(set("a", "a-2"))
		if e := a.lastOf(deployer.Failed, "a"); e.Step != "before_deploy" || e.Generation != standby {
			t.Errorf("told %+v", e)
		}
		a.isLive("a", "a-1", "a-1")
		if !a.gone(standby) {
			t.Error("what was to be deployed into is left")
		}
		if h := hooks()[2]; len(hooks()) != 3 || h.Serving != "a-1" {
			t.Errorf("run were %+v", hooks())
		}

		a.reconfigured(func(all []deployer.Service) []deployer.Service {
			all[0].After = []string{"after"}
			return all
		})
		a.put(set("a", "a-3"))
		if a.status("a").Set != "a-3" {
			t.Errorf("status: %+v", a.status("a"))
		}
		if e := a.lastOf(deployer.Warning, "a"); !strings.Contains(e.Reason, "after_deploy") {
			t.Errorf("told %+v", e)
		}
	})
}
