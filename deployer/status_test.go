package deployer

import (
	"sync"
	"testing"
	"time"
)

func TestWhoIsToldOfAnEndDoesNotFindItUnderWay(t *testing.T) {
	var mu sync.Mutex
	var asked *Deployer
	states := map[Kind]string{}
	r := newRunning(t, func(o *Options) {
		o.Services[0].HealthTimeout = 50 * time.Millisecond
		tell := o.Tell
		o.Tell = func(e Event) {
			tell(e)
			mu.Lock()
			defer mu.Unlock()
			if asked != nil && e.Service == "a" && states[e.Kind] == "" {
				states[e.Kind] = asked.Status()[0].State
			}
		}
	})
	mu.Lock()
	asked = r.Deployer
	mu.Unlock()

	r.makeSick("a", true)
	if res := <-r.put("a", "a-2"); res.Err == nil {
		t.Fatal("a sick candidate went live")
	}
	r.makeSick("a", false)
	for _, id := range []string{"a-3", "a-3"} { // the second time there is nothing to do
		if res := <-r.put("a", id); res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for kind, want := range map[Kind]string{Deploying: "deploying", Failed: "failed", WentLive: "live", Unchanged: "live"} {
		if states[kind] != want {
			t.Errorf("told that it is %s, one finds it %q, want %q", kind, states[kind], want)
		}
	}
}
