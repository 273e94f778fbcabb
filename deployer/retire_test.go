package deployer

import (
	"strings"
	"testing"
	"time"
)

func TestConnectionsThatOutliveTheDrainAreCutOffAndCounted(t *testing.T) {
	for open, want := range map[int]string{0: "", 1: "cut off a connection ", 3: "cut off 3 connections "} {
		r := newRunning(t, func(o *Options) { o.Services[0].Drain = 100 * time.Millisecond })
		r.w.mu.Lock()
		r.w.containers["a-1"].open = open
		r.w.mu.Unlock()
		if res := <-r.put("a", "a-2"); res.Err != nil {
			t.Fatal(res.Err)
		}
		r.eventually("a-1 is retired", func() bool { return r.told(Retired, "a") })
		r.mu.Lock()
		for _, e := range r.events {
			if e.Kind == Retired && (!strings.HasPrefix(e.Reason, want) || open == 0 && e.Reason != "") {
				t.Errorf("with %d open connections: %q", open, e.Reason)
			}
		}
		r.mu.Unlock()
	}
}
