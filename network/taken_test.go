package network

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestAnAddressThatAStrangerHasIsFound(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		want := func(addr string, want bool) {
			t.Helper()
			began := time.Now()
			if got, err := taken(t.Context(), "lxcbr0", netip.MustParseAddr(addr)); err != nil || got != want {
				t.Errorf("%s is taken: %t, %v", addr, got, err)
			}
			t.Logf("asked for %s", time.Since(began))
		}
		want("10.0.3.131", false) // nobody is on the bridge
		l.guest("10.0.3.131")
		l.guest("10.0.3.132")
		want("10.0.3.131", true)
		want("10.0.3.130", false)
		want("10.0.3.1", true) // the VM itself, which answers nobody here
		l.check(up("eth0", "10.0.3.142/32"))
		want("10.0.3.142", true)

		given, up := context.WithCancelCause(t.Context())
		up(errFake)
		if found, err := taken(given, "lxcbr0", netip.MustParseAddr("10.0.3.141")); found || !errors.Is(err, errFake) {
			t.Errorf("given up, it gives %t, %v", found, err)
		}

		// A person has said where it is, and need not do so again.
		fixed := &netlink.Neigh{
			LinkIndex: bridge(l), Family: unix.AF_INET, IP: netip.MustParseAddr("10.0.3.143").AsSlice(),
			State: netlink.NUD_PERMANENT, HardwareAddr: []byte{2, 'j', 10, 0, 3, 143},
		}
		l.check(netlink.NeighSet(fixed))
		want("10.0.3.143", true)
		want("10.0.3.143", true)
		l.check(netlink.NeighDel(fixed))

		// The kernel remembers one who has gone, and nothing of those that were
		// asked for.
		stale := &netlink.Neigh{
			LinkIndex: bridge(l), Family: unix.AF_INET, IP: netip.MustParseAddr("10.0.3.140").AsSlice(),
			State: netlink.NUD_STALE, HardwareAddr: []byte{2, 'j', 10, 0, 3, 140},
		}
		l.check(netlink.NeighSet(stale))
		want("10.0.3.140", false)
		left, err := netlink.NeighList(stale.LinkIndex, unix.AF_INET)
		l.check(err)
		for _, n := range left {
			if n.State != netlink.NUD_NOARP { // of the kernel's own, such as multicast
				t.Errorf("remembered: %+v", n)
			}
		}
	})
}

// bridge gives the index of the lab's bridge.
func bridge(l *lab) int {
	link, err := netlink.LinkByName("lxcbr0")
	l.check(err)
	return link.Attrs().Index
}

func TestWithoutABridgeNobodyIsAsked(t *testing.T) {
	_, err := taken(t.Context(), "jlt-nobr", netip.MustParseAddr("10.0.3.131"))
	if err == nil || !strings.Contains(err.Error(), "bridge jlt-nobr") || !strings.Contains(err.Error(), "lxc-net") {
		t.Errorf("asked: %v", err)
	}
}
