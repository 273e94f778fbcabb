package deployer

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestHooks(t *testing.T) {
	var mu sync.Mutex
	var ran []Hook
	var refuse error
	r := newRunning(t, func(o *Options) {
		o.Standby = true
		o.Services[0].Before, o.Services[0].After = []string{"before"}, []string{"after"}
		o.Hook = func(_ context.Context, h Hook) error {
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, h)
			return refuse
		}
	})
	hooks := func() []Hook {
		mu.Lock()
		defer mu.Unlock()
		return append([]Hook(nil), ran...)
	}
	r.eventually("both have run", func() bool { return len(hooks()) == 2 })
	if h := hooks()[0]; h.Name != "before_deploy" || h.Argv[0] != "before" || h.Service != "a" || h.Set != "a-1" || h.Serving != "" {
		t.Errorf("before: %+v", h)
	}
	if h := hooks()[1]; h.Name != "after_deploy" || h.Argv[0] != "after" || h.Generation != r.wiring.current("a").Name() || h.Address == "" {
		t.Errorf("after: %+v", h)
	}

	r.eventually("a standby", func() bool { return r.Status()[0].Standby != "" })
	standby := r.Status()[0].Standby
	mu.Lock()
	refuse = errors.New("exit status 1")
	mu.Unlock()
	res := <-r.put("a", "a-2")
	var step *stepError
	if !errors.As(res.Err, &step) || step.Step != "before_deploy" || r.live("a") != "a-1" {
		t.Errorf("live is %s, %v", r.live("a"), res.Err)
	}
	if !r.gone(standby) {
		t.Error("what was to be deployed into is left")
	}
	if n := len(hooks()); n != 3 {
		t.Errorf("%d hooks have run", n)
	}

	r.reconfigured(func(all []Service) []Service {
		all[0].Before = nil
		return all
	})
	if res := <-r.put("a", "a-3"); res.Err != nil {
		t.Fatal(res.Err)
	}
	r.eventually("a warning of the one after", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range r.events {
			if e.Kind == Warning && strings.Contains(e.Reason, "after_deploy") {
				return true
			}
		}
		return false
	})
	if r.live("a") != "a-3" {
		t.Errorf("live is %s", r.live("a"))
	}
}
