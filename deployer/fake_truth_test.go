package deployer_test

import (
	"encoding/json"
	"strings"
)

// record is what of a generation's record tests look at.
type record struct {
	Phase   string
	Number  int
	Ordinal int
	Set     string
	VIP     string `json:"Fixed"`
	Address string
	Port    uint16
}

func (i *instance) recorded() (r record) {
	_ = json.Unmarshal(i.record, &r)
	return r
}

// recordOf gives the record of an instance.
func (w *world) recordOf(name string) record {
	i := w.instance(name)
	return i.recorded()
}

// truth is what is to be live of a service after a crash, found by nothing but
// records and what runs: what went live last of all whose record says live and
// whose service runs; else the latest that drains and does; else the latest whose
// record says live.
func (w *world) truth(service string) (name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var best [3]int
	for of, i := range w.instances {
		if s, _ := split(of); s != service || i.foreign || i.half {
			continue
		}
		r, runs, worth := i.recorded(), i.running && i.unit != nil, 0
		switch {
		case r.Phase == "live" && runs:
			worth = 3
		case r.Phase == "draining" && runs:
			worth = 2
		case r.Phase == "live":
			worth = 1
		}
		rank := [3]int{worth, r.Ordinal, r.Number}
		if worth > 0 && less(best, rank) {
			name, best = of, rank
		}
	}
	return name
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// serves checks that a generation of a service runs, that names and ports lead to
// it and nowhere else, and that nothing was done on the way to what served.
func (a *agent) serves(service, live string) {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.instances[live]
	if i == nil || !i.running || i.unit == nil {
		a.t.Errorf("%q does not serve %s: %v", live, service, i)
		return
	}
	if got := a.ports.Targets[service].Addr(); got != i.address {
		a.t.Errorf("ports of %s lead to %s, not to %s at %s", service, got, live, i.address)
	}
	want := i.address
	if vip, has := a.ports.VIPs[service]; has {
		want = vip
	}
	for name, other := range a.instances {
		if of, _ := split(name); of == service {
			continue // its own name leads to itself
		}
		if at, named := other.names[service]; named && other.running && at != want && other.recorded().Phase != "kept" {
			a.t.Errorf("%s calls %s at %s, not at %s", name, service, at, want)
		}
		if at, read := other.cached[service]; read && other.unit != nil && at != want {
			a.t.Errorf("%s still calls %s at %s, not at %s", name, service, at, want)
		}
	}
	if at, is := a.ports.Held[service]; is {
		a.t.Errorf("connections to %s are still held at %s", service, at)
	}
	if r := a.held[service]; r != nil {
		a.t.Errorf("a relay of %s still runs: %+v", service, r)
	}
	if len(a.harm) > 0 {
		a.t.Errorf("harm was done: %s", strings.Join(a.harm, "; "))
	}
}

// owned checks that each instance of ours is one that the agent cares for: else
// nobody ever removes it.
func (a *agent) owned() {
	a.t.Helper()
	owned := map[string]bool{}
	for _, s := range a.Status() {
		for _, name := range append(s.Draining, s.Generation, s.Standby, s.Failed) {
			owned[name] = true
		}
		for name := range s.Left {
			owned[name] = true
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, i := range a.instances {
		if !owned[name] && !i.foreign {
			a.t.Errorf("nobody cares for %s: %s", name, i)
		}
	}
}
