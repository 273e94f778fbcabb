package deployer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// hookLog is what hooks were run, each of which takes its time.
type hookLog struct {
	mu    sync.Mutex
	ran   []deployer.Hook
	ended []error // how each has ended that was run to its end
	takes time.Duration
}

func (h *hookLog) run(ctx context.Context, hook deployer.Hook) error {
	h.mu.Lock()
	h.ran = append(h.ran, hook)
	takes := h.takes
	h.mu.Unlock()
	var err error
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = append(h.ended, err)
	return err
}

func (h *hookLog) lastEnd() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended[len(h.ended)-1]
}

// hooked is an agent whose service a has hooks, which take a while from now on.
func hooked(t *testing.T, before, after []string) (*agent, *hookLog) {
	h := &hookLog{}
	a := running(t, onlyA, func(o *deployer.Options) {
		o.Services[0].Before, o.Services[0].After, o.Services[0].HookTimeout = before, after, time.Minute
		o.Hook = h.run
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.takes, h.ran = 10*time.Second, nil
	return a, h
}

func TestAHookIsToldWhatIsDeployed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := hooked(t, []string{"before", "it"}, []string{"after", "it"})
		a.put(set("a", "a-2"))
		pass(30 * time.Second)
		a.isLive("a", "a-2", "a-2")
		at := a.status("a").Address
		want := []deployer.Hook{
			{Name: "before_deploy", Argv: []string{"before", "it"}, Timeout: time.Minute, Service: "a", Generation: "a-2", Set: "a-2", Address: at, Serving: "a-1"},
			{Name: "after_deploy", Argv: []string{"after", "it"}, Timeout: time.Minute, Service: "a", Generation: "a-2", Set: "a-2", Address: at, Serving: "a-1"},
		}
		if !slices.EqualFunc(h.ran, want, func(a, b deployer.Hook) bool {
			equal := slices.Equal(a.Argv, b.Argv)
			a.Argv, b.Argv = nil, nil
			return equal && a.Name == b.Name && a.Timeout == b.Timeout && a.Service == b.Service &&
				a.Generation == b.Generation && a.Set == b.Set && a.Address == b.Address && a.Serving == b.Serving
		}) {
			t.Errorf("run were %+v, want %+v", h.ran, want)
		}
	})
}

// Newer artefacts come while the hook before runs: it is ended, and run for those.
func TestAHookBeforeIsEndedByWhatIsNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := hooked(t, []string{"before"}, nil)
		before := a.String()
		a.put(set("a", "a-2"))
		pass(time.Second)
		a.put(set("a", "a-3"))
		if err := h.lastEnd(); err == nil || !strings.Contains(err.Error(), "newer artefacts have come") {
			t.Errorf("it ended with %v", err)
		}
		if a.without(a.there("a")[len(a.there("a"))-1]) != before {
			t.Errorf("what was given up is left:\n%s", a.world)
		}
		pass(11 * time.Second)
		a.isLive("a", a.live("a"), "a-3")
		if len(a.of(deployer.Failed, "a")) > 0 || len(h.ran) != 2 {
			t.Errorf("told %+v, run were %+v", a.heard(), h.ran)
		}
	})
}

// What runs after a deploy holds up nobody, and is no part of it.
func TestAHookAfterHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := hooked(t, nil, []string{"after"})
		a.put(set("a", "a-2"))
		a.isLive("a", "a-2", "a-2")
		a.put(set("a", "a-3"))
		a.isLive("a", "a-3", "a-3")
		if took := a.lastOf(deployer.WentLive, "a").Took; took > time.Second {
			t.Errorf("the deploy is said to have taken %s", took)
		}
		if len(h.ran) != 2 || h.ran[1].Serving != "a-2" {
			t.Errorf("run were %+v", h.ran)
		}
		pass(time.Second)
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		if err := h.lastEnd(); !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if told := a.of(deployer.Warning, "a"); len(told) > 0 {
			t.Errorf("told %+v", told)
		}
	})
}

// The end of the agent ends a deploy in its hook.
func TestAHookBeforeIsEndedWithTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := hooked(t, []string{"before"}, nil)
		before := a.String()
		a.put(set("a", "a-2"))
		began := time.Now()
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		if err := h.lastEnd(); !errors.Is(err, context.Canceled) || a.String() != before {
			t.Errorf("it ended with %v, before\n%s\nafter\n%s", err, before, a.world)
		}
	})
}
