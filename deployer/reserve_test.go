package deployer

import (
	"slices"
	"sync/atomic"
	"testing"
)

const reserve = 512 << 20 // bytes that are to stay free

// newSparing is newRunning with standbys on a machine with free bytes of memory.
func newSparing(t *testing.T) (r *running, free *atomic.Int64) {
	free = new(atomic.Int64)
	free.Store(2 * reserve)
	return newRunning(t, func(o *Options) {
		o.Standby, o.Reserve = true, reserve
		o.Available = func() (int64, error) { return free.Load(), nil }
	}), free
}

func TestStandbysAreGivenUpWhileMemoryIsShort(t *testing.T) {
	r, free := newSparing(t)
	has := func(service string) bool { return r.lanes[service].hasStandby() }
	r.eventually("each has a standby", func() bool { return has("a") && has("b") && has("c") })
	if res := <-r.put("a", "a-2"); res.Err != nil {
		t.Fatal(res.Err)
	}
	r.eventually("a has its next standby", func() bool { return has("a") })

	free.Store(reserve - 1)
	r.eventually("none has one", func() bool {
		r.keepReserve(t.Context()) // as it is now and then
		return !has("a") && !has("b") && !has("c")
	})
	if got := r.warned(); !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("given up in the order %q, want the one that changed last to go last", got)
	}
	if res := <-r.put("b", "b-2"); res.Err != nil || r.live("b") != "b-2" {
		t.Errorf("without a standby: %v, %s is live", res.Err, r.live("b"))
	}

	free.Store(2 * reserve)
	r.eventually("each has one again", func() bool {
		r.keepReserve(t.Context())
		return has("a") && has("b") && has("c")
	})
}

// warned gives the services of the warnings so far.
func (r *running) warned() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var services []string
	for _, e := range r.events {
		if e.Kind == Warning {
			services = append(services, e.Service)
		}
	}
	return services
}
