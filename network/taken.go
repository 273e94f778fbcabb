package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience is how long somebody may take to say that an address is taken. On a
// bridge the kernel of whoever has it answers within a millisecond, without
// waking anybody.
const patience = 20 * time.Millisecond

// Taken says whether somebody on the bridge has the address: it has the kernel
// ask (arp(7)), as it would for a packet to there, and looks for the answer. One
// who does not answer at once is not found.
func Taken(ctx context.Context, bridge string, addr netip.Addr) (taken bool, err error) {
	link, err := netlink.LinkByName(bridge)
	if err != nil {
		return false, fmt.Errorf("ask bridge %s who has %s (%s): %w", bridge, addr, bridgeRemedy, err)
	}
	entry := &netlink.Neigh{
		LinkIndex: link.Attrs().Index, Family: unix.AF_INET, IP: addr.AsSlice(), Flags: netlink.NTF_USE,
	}
	// What the kernel remembers may be of one that has gone. Nor may it
	// remember that nobody answered: the next to have the address will.
	forget := func() error {
		if err := netlink.NeighDel(entry); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("ask bridge %s who has %s: %w", bridge, addr, err)
		}
		return nil
	}
	if err := forget(); err != nil {
		return false, err
	}
	if err := netlink.NeighSet(entry); err != nil {
		return false, fmt.Errorf("ask bridge %s who has %s: %w", bridge, addr, err)
	}
	for deadline := time.Now().Add(patience); !taken && time.Now().Before(deadline); {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return false, errors.Join(fmt.Errorf("ask bridge %s who has %s: %w", bridge, addr, context.Cause(ctx)), forget())
		}
		all, err := netlink.NeighList(link.Attrs().Index, unix.AF_INET)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return false, errors.Join(fmt.Errorf("ask bridge %s who has %s: %w", bridge, addr, err), forget())
		}
		for _, n := range all {
			if n.IP.Equal(entry.IP) && n.State&netlink.NUD_REACHABLE != 0 {
				taken = true
			}
		}
	}
	return taken, forget()
}
