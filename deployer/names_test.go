package deployer_test

import (
	"context"
	"maps"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

var payments = netip.MustParseAddrPort("10.0.2.2:9000")

// ring are two services that know each other, themselves, and what is outside.
func ring(vips bool) func(*deployer.Options) {
	return func(o *deployer.Options) {
		a, b := service("a", 8081), service("b", 8082)
		a.Knows, b.Knows = []string{"a", "b", "payments"}, []string{"b", "a"}
		o.Services, o.VIPs = []deployer.Service{a, b}, vips
		o.External = map[string]netip.AddrPort{"payments": payments}
	}
}

// Names that are known order nothing and are waited for by nobody; a service's own
// leads to itself.
func TestWhatIsKnownByNameIsNotWaitedFor(t *testing.T) {
	for _, vips := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			a := w.start(t, ring(vips))
			a.put(set("a", "a-set"))
			a.isLive("a", "a-1", "a-set")
			if e := a.of(deployer.Waiting, ""); len(e) > 0 {
				t.Errorf("waited: %+v", e)
			}
			_, led := a.instance("a-1").names["b"]
			if led != vips {
				t.Errorf("of what is not live, the name is there: %t", led)
			}
			a.put(set("b", "b-set"))
			want := map[string]netip.Addr{
				"a": a.instance("a-1").address, "b": a.instance("b-1").address, "payments": payments.Addr(),
			}
			if vips {
				want["b"], want["payments"] = a.ports.VIPs["b"], a.ports.VIPs["payments"]
			}
			if got := a.instance("a-1").names; !maps.Equal(got, want) {
				t.Errorf("a knows %v, want %v", got, want)
			}
			if got := a.portOf("payments"); got != payments {
				t.Errorf("payments is at %s", got)
			}
			if own := a.instance("b-1"); own.names["b"] != own.address {
				t.Errorf("b calls itself at %s and is at %s", own.names["b"], own.address)
			}
		})
	}
}

// Where a name leads that leaves the machine changes while services run, and the
// address that they have for it does not, also over another agent.
func TestANameThatLeavesTheMachineIsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, ring(true))
		vip := a.instance("a-1").names["payments"]
		elsewhere := netip.MustParseAddrPort("10.0.2.3:9000")
		move := func(to map[string]netip.AddrPort) {
			t.Helper()
			if err := a.SetExternal(t.Context(), to); err != nil {
				t.Fatal(err)
			}
		}
		move(map[string]netip.AddrPort{"payments": elsewhere})
		if got := a.portOf("payments"); got != elsewhere {
			t.Errorf("it leads to %s", got)
		}
		a = a.next(ring(true))
		if got := a.instance("a-1").names["payments"]; got != vip || !vip.IsValid() || a.portOf("payments") != payments {
			t.Errorf("for the next agent it is %s, and was %s; it leads to %s", got, vip, a.portOf("payments"))
		}
		move(nil)
		if got, there := a.ports.VIPs["payments"]; there || a.portOf("payments").IsValid() || a.leased("payments").IsValid() {
			t.Errorf("it is gone, and has %s", got)
		}
	})
}

// A name that becomes a service's, or ceases to be one, leads there and back.
func TestANameIsAServicesOrLeavesTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, ring(true))
		web := service("web", 8080)
		web.Knows = []string{"b"}
		if _, err := a.Configure(t.Context(), []deployer.Service{service("a", 8081), web}, nil); err != nil {
			t.Fatal(err)
		}
		if err := a.SetExternal(context.Background(), map[string]netip.AddrPort{"b": payments}); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		if a.portOf("b") != payments || !a.ports.VIPs["b"].IsValid() {
			t.Errorf("b leads to %s by %s", a.portOf("b"), a.ports.VIPs["b"])
		}
		a.only(t, "b")
	})
}
