package deployer_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// Memory is short from the first moment on, and nobody has looked by the clock yet:
// no standby is made, only to be given up. That is no news.
func TestNoStandbyIsMadeWhereMemoryIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Int64
		free.Store(reserve + 32<<20 - 1)
		a := running(t, withStandbys, func(o *deployer.Options) {
			o.Reserve = reserve
			o.Available = func() (int64, error) { return free.Load(), nil }
		})
		pass(time.Minute)
		if n := a.count("create"); n != 3 {
			t.Errorf("%d were made for three services", n)
		}
		if len(a.warned()) > 0 {
			t.Errorf("told %+v", a.of(deployer.Warning, a.warned()[0]))
		}
		free.Store(reserve + 64<<20)
		pass(5 * time.Second)
		if !a.allStandBy() {
			t.Errorf("status: %+v", a.Status())
		}
	})
}

// There is memory for one standby, and not for three.
func TestStandbysAreMadeAsFarAsMemoryGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 40 << 20
		w := newWorld()
		a := w.start(t, withStandbys, func(o *deployer.Options) {
			o.Reserve = reserve
			o.Available = func() (int64, error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				return reserve + 5*each - int64(len(w.instances))*each, nil
			}
		})
		for _, name := range []string{"a", "b", "c"} {
			a.put(set(name, name+"-1"))
		}
		standbys := func() (n int) {
			for _, s := range a.Status() {
				if s.Standby != "" {
					n++
				}
			}
			return n
		}
		pass(time.Minute)
		if n := standbys(); n != 2 || len(a.warned()) > 0 {
			t.Errorf("%d standbys, and warned was of %q:\n%s", n, a.warned(), a.world)
		}
		a.owned()
	})
}
