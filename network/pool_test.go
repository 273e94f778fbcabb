package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vishvananda/netlink"
)

func newPool(t *testing.T, first, last, leases string) *Pool {
	t.Helper()
	return poolOn(t, "10.0.3.1/24", first, last, leases)
}

// poolOn makes a Pool on a bridge that stays, with nobody else on it.
func poolOn(t *testing.T, own, first, last, leases string) *Pool {
	t.Helper()
	p, err := NewPool(PoolOptions{Own: netip.MustParsePrefix(own), First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last)})
	if err != nil {
		t.Fatal(err)
	}
	p.leases = leases
	p.check = func() error { return nil }
	p.taken = func(context.Context, netip.Addr) (bool, error) { return false, nil }
	return p
}

// lease gives the address that owner gets, or the empty string if none is left.
func lease(t *testing.T, p *Pool, owner string) string {
	t.Helper()
	prefix, err := p.Lease(t.Context(), owner)
	if errors.Is(err, ErrExhausted) {
		return ""
	}
	if err != nil || prefix.Bits() != 24 {
		t.Fatalf("lease for %s: %s, %v", owner, prefix, err)
	}
	return prefix.Addr().String()
}

func wantLease(t *testing.T, p *Pool, owner, want string) {
	t.Helper()
	if got := lease(t, p, owner); got != want {
		t.Errorf("%s gets %q, want %q", owner, got, want)
	}
}

func TestAnOwnerKeepsItsAddress(t *testing.T) {
	p := newPool(t, "10.0.3.128", "10.0.3.253", "")
	wantLease(t, p, "web-1", "10.0.3.128")
	wantLease(t, p, "web-2", "10.0.3.129")
	wantLease(t, p, "web-1", "10.0.3.128")
}

func TestAFreedAddressRestsWhileThereIsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, "10.0.3.128", "10.0.3.130", "")
		wantLease(t, p, "a", "10.0.3.128")
		p.Release("a")
		wantLease(t, p, "b", "10.0.3.129")
		p.Release("b")
		wantLease(t, p, "c", "10.0.3.130")
		time.Sleep(time.Second)
		p.Release("c")
		wantLease(t, p, "d", "10.0.3.128") // freed first, though all rest
		wantLease(t, p, "e", "10.0.3.129")
		wantLease(t, p, "f", "10.0.3.130")
		wantLease(t, p, "g", "")
		p.Release("f")
		time.Sleep(time.Second)
		p.Release("d")
		wantLease(t, p, "h", "10.0.3.130") // not the next, which was freed later
		time.Sleep(cooling)
		wantLease(t, p, "i", "10.0.3.128")
	})
}

func TestARestedAddressIsPreferredToOneThatRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, "10.0.3.128", "10.0.3.130", "")
		for _, owner := range []string{"a", "b", "c"} {
			lease(t, p, owner)
		}
		p.Release("b")
		time.Sleep(cooling - time.Second)
		p.Release("a")
		time.Sleep(time.Second)
		wantLease(t, p, "d", "10.0.3.129") // though 10.0.3.128 comes first
	})
}

func TestReleasingNothingIsNothing(t *testing.T) {
	p := newPool(t, "10.0.3.128", "10.0.3.129", "")
	p.Release("nobody")
	wantLease(t, p, "a", "10.0.3.128")
	p.Release("a")
	p.Release("a")
	wantLease(t, p, "b", "10.0.3.129")
}

func TestHold(t *testing.T) {
	p := newPool(t, "10.0.3.128", "10.0.3.131", "")
	hold := func(owner, addr string) error { return p.Hold(owner, netip.MustParseAddr(addr)) }
	for owner, addr := range map[string]string{"web-3": "10.0.3.129", "old-1": "10.0.3.7"} {
		if err := hold(owner, addr); err != nil {
			t.Error(err)
		}
		if err := hold(owner, addr); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	for _, wrong := range [][2]string{{"web-4", "10.0.3.129"}, {"web-3", "10.0.3.130"}, {"web-5", "fe80::1"}} {
		if err := hold(wrong[0], wrong[1]); err == nil {
			t.Errorf("%s holds %s", wrong[0], wrong[1])
		}
	}
	wantLease(t, p, "web-3", "10.0.3.129")
	wantLease(t, p, "old-1", "10.0.3.7")
	wantLease(t, p, "web-4", "10.0.3.130") // after what is held
	wantLease(t, p, "web-5", "10.0.3.131")
	wantLease(t, p, "web-6", "10.0.3.128")
	wantLease(t, p, "web-7", "")
	p.Release("old-1") // not of the range
	wantLease(t, p, "web-7", "")
}

// TestWhatTheBridgeCannotReachIsNotHeld is about a bridge whose subnet has
// changed since the address was written down.
func TestWhatTheBridgeCannotReachIsNotHeld(t *testing.T) {
	p := newPool(t, "10.0.3.128", "10.0.3.131", "")
	for _, addr := range []string{"10.0.4.130", "10.0.3.0", "10.0.3.1", "10.0.3.255", "fe80::1"} {
		if err := p.Hold("web", netip.MustParseAddr(addr)); err == nil || !strings.Contains(err.Error(), addr+" for web: ") {
			t.Errorf("%s is held: %v", addr, err)
		}
	}
	wantLease(t, p, "web", "10.0.3.128")
}

func TestTheGatewayTheSubnetItselfAndItsBroadcastAreNotLeased(t *testing.T) {
	p := poolOn(t, "10.0.3.2/29", "10.0.3.0", "10.0.3.7", "")
	var got []string
	for i := range 8 {
		if prefix, err := p.Lease(t.Context(), fmt.Sprint(i)); err == nil {
			got = append(got, prefix.String())
		}
	}
	if want := "10.0.3.1/29 10.0.3.3/29 10.0.3.4/29 10.0.3.5/29 10.0.3.6/29"; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAddressesThatDNSMasqHasLeasedArePassedOver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "leases")
	p := newPool(t, "10.0.3.128", "10.0.3.131", file)
	wantLease(t, p, "a", "10.0.3.128") // the file is not there yet
	if err := os.WriteFile(file, []byte("1 00:16:3e:00:00:01 10.0.3.129 nas *\n0 00:16:3e:00:00:02 10.0.3.131 * *\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantLease(t, p, "b", "10.0.3.130")
	_, err := p.Lease(t.Context(), "c")
	if !errors.Is(err, ErrExhausted) {
		t.Fatal(err)
	}
	for _, say := range []string{"c", "10.0.3.128-10.0.3.131", "2 are leased, 2 have been given out by DHCP, 0 are in use by others", "range"} {
		if !strings.Contains(err.Error(), say) {
			t.Errorf("%q does not say %q", err, say)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	wantLease(t, p, "c", "10.0.3.131")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Lease(t.Context(), "d"); err == nil || errors.Is(err, ErrExhausted) {
		t.Errorf("leases that cannot be read: %v", err)
	}
}

func TestAddressesThatStrangersHaveArePassedOver(t *testing.T) {
	strangers := map[string]bool{"10.0.3.129": true, "10.0.3.130": true}
	var broken error
	p := newPool(t, "10.0.3.128", "10.0.3.131", "")
	p.taken = func(_ context.Context, addr netip.Addr) (bool, error) {
		if !p.mu.TryLock() {
			t.Error("nobody else can lease meanwhile")
		} else {
			p.mu.Unlock()
		}
		return strangers[addr.String()], broken
	}
	wantLease(t, p, "a", "10.0.3.128")
	wantLease(t, p, "b", "10.0.3.131")
	_, err := p.Lease(t.Context(), "c")
	if !errors.Is(err, ErrExhausted) || !strings.Contains(err.Error(), "2 are leased, 0 have been given out by DHCP, 2 are in use by others") {
		t.Errorf("no address is left: %v", err)
	}
	delete(strangers, "10.0.3.129")
	wantLease(t, p, "c", "10.0.3.129")
	p.Release("a")
	broken = errors.New("no bridge")
	if _, err := p.Lease(t.Context(), "d"); !errors.Is(err, broken) {
		t.Errorf("asking fails: %v", err)
	}
	broken = nil
	wantLease(t, p, "d", "10.0.3.128")
}

func TestManyAtOnceGetDifferentAddresses(t *testing.T) {
	p := newPool(t, "10.0.3.128", "10.0.3.253", "")
	var all sync.Map
	var wg sync.WaitGroup
	for i := range 126 {
		wg.Go(func() {
			owner := fmt.Sprint(i)
			prefix, err := p.Lease(t.Context(), owner)
			if err != nil {
				t.Error(err)
			}
			if other, twice := all.LoadOrStore(prefix, owner); twice {
				t.Errorf("%s for %s and %s", prefix, other, owner)
			}
		})
	}
	wg.Wait()
	wantLease(t, p, "one more", "")
}

func TestAPoolOfNoSenseIsRefused(t *testing.T) {
	for _, c := range []struct{ bridge, first, last string }{
		{"10.0.3.1/24", "10.0.4.1", "10.0.4.2"}, {"10.0.3.1/24", "10.0.3.9", "10.0.4.2"},
		{"10.0.3.1/24", "10.0.3.9", "10.0.3.8"}, {"fe80::1/64", "fe80::2", "fe80::3"},
	} {
		if _, err := NewPool(PoolOptions{Own: netip.MustParsePrefix(c.bridge), First: netip.MustParseAddr(c.first), Last: netip.MustParseAddr(c.last)}); err == nil {
			t.Errorf("%v is taken", c)
		}
	}
	if _, err := NewPool(PoolOptions{}); err == nil {
		t.Error("zero values are taken")
	}
}

func TestWithDHCPNothingIsLeased(t *testing.T) {
	p := newPool(t, "10.0.3.128", "10.0.3.131", "")
	p.DHCP = true
	p.check = func() error { return errFake } // the bridge is asked for no lease
	if addr, err := p.Lease(t.Context(), "web-3"); err != nil || addr.IsValid() {
		t.Errorf("leased is %s, %v", addr, err)
	}
	// What DHCP has given is held all the same, inside the subnet or not.
	for owner, addr := range map[string]string{"web-3": "10.0.3.57", "web-4": "192.0.2.7"} {
		if err := p.Hold(owner, netip.MustParseAddr(addr)); err != nil {
			t.Error(err)
		}
	}
	if err := p.Hold("web-5", netip.MustParseAddr("10.0.3.57")); err == nil {
		t.Error("two hold one address")
	}
}

func TestNoAddressIsLeasedOfASubnetThatTheBridgeHasLeft(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		own, first, last, err := Range("lxcbr0", netip.Addr{}, netip.Addr{})
		l.check(err)
		p, err := NewPool(PoolOptions{Bridge: "lxcbr0", Own: own, First: first, Last: last})
		l.check(err)
		l.check(up("lxcbr0", "10.0.9.1/24"))
		if addr, err := p.Lease(t.Context(), "web-1"); err != nil || addr != netip.MustParsePrefix("10.0.3.128/24") {
			t.Errorf("beside another: %s, %v", addr, err)
		}
		link, err := netlink.LinkByName("lxcbr0")
		l.check(err)
		left, err := netlink.ParseAddr("10.0.3.1/24")
		l.check(err)
		l.check(netlink.AddrDel(link, left))
		_, err = p.Lease(t.Context(), "web-2")
		if err == nil || !strings.Contains(err.Error(), "is 10.0.9.1/24 by now, and was 10.0.3.1/24: start jarloop anew") {
			t.Errorf("leased: %v", err)
		}
	})
}
