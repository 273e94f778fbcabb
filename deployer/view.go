package deployer

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
)

// view is what names and ports lead to, for those who only look.
type view struct {
	live     map[string]*Generation
	diverted map[string]netip.AddrPort
	ordinals map[string]int
	drift    *DriftError
	changed  chan struct{} // closed when there is a newer view
}

// views holds the newest view.
type views struct{ seen atomic.Pointer[view] }

// show makes v what others see.
func (w *views) show(v *view) {
	v.changed = make(chan struct{})
	if old := w.seen.Swap(v); old != nil {
		close(old.changed)
	}
}

// current gives the live generation of a service, or nil.
func (v *views) current(service string) *Generation { return v.seen.Load().live[service] }

// ordinal gives that of what went live last of a service.
func (v *views) ordinal(service string) int { return v.seen.Load().ordinals[service] }

// drifted says whether names and ports may lead to generations of the service
// that they should not lead to.
func (v *views) drifted(service string) bool {
	d := v.seen.Load().drift
	return d != nil && (len(d.Services) == 0 || slices.Contains(d.Services, service))
}

// await waits until every service that s needs has a live generation: a name
// that does not resolve yet is remembered as such by some (a JVM), and fatal to
// others (nginx). It calls waiting once if it has to wait.
func (w *views) await(ctx context.Context, s Service, waiting func(missing []string)) error {
	for {
		v := w.seen.Load()
		missing := slices.DeleteFunc(slices.Clone(s.Needs), func(need string) bool { return v.live[need] != nil || v.diverted[need].IsValid() })
		if len(missing) == 0 {
			return nil
		}
		if waiting != nil {
			waiting(missing)
			waiting = nil
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
