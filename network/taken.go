package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience is how long somebody may take to say that an address is taken. On a
// bridge the kernel of whoever has it answers within a millisecond, without
// waking anybody.
const patience = 20 * time.Millisecond

// taken says whether somebody on the bridge, or the VM itself, has the address:
// it has the kernel ask (arp(7)), as it would for a packet to there, and looks
// for the answer. One who does not answer at once is not found, unless a person
// has written down for the kernel where it is. Virtual IPs are nobody's.
func taken(ctx context.Context, bridge string, addr netip.Addr) (found bool, err error) {
	link, err := netlink.LinkByName(bridge)
	if err != nil {
		return false, fmt.Errorf("ask bridge %s who has %s (%s): %w", bridge, addr, bridgeRemedy, err)
	}
	if found, err := known(bridge, link.Attrs().Index, addr); found || err != nil {
		return found, err
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
	for deadline := time.Now().Add(patience); !found && time.Now().Before(deadline); {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return false, errors.Join(fmt.Errorf("ask bridge %s who has %s: %w", bridge, addr, context.Cause(ctx)), forget())
		}
		all, err := neighbours(link.Attrs().Index)
		if err != nil {
			return false, errors.Join(fmt.Errorf("ask bridge %s who has %s: %w", bridge, addr, err), forget())
		}
		for _, n := range all {
			if n.IP.Equal(entry.IP) && n.State&netlink.NUD_REACHABLE != 0 {
				found = true
			}
		}
	}
	return found, forget()
}

// known says whether the VM has the address, or a person has said who has: both
// need not be asked for, and what a person has said is not to be forgotten.
func known(bridge string, link int, addr netip.Addr) (bool, error) {
	all, err := readAddresses(bridge)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(all, func(h held) bool { return h.prefix.Addr() == addr && !h.ours }) {
		return true, nil
	}
	said, err := neighbours(link)
	if err != nil {
		return false, fmt.Errorf("ask bridge %s who has %s: %w", bridge, addr, err)
	}
	return slices.ContainsFunc(said, func(n netlink.Neigh) bool {
		return n.IP.Equal(addr.AsSlice()) && n.State&netlink.NUD_PERMANENT != 0
	}), nil
}

// neighbours gives what the kernel knows of those on a link; of a list that
// changed meanwhile, what it had come to.
func neighbours(link int) ([]netlink.Neigh, error) {
	all, err := netlink.NeighList(link, unix.AF_INET)
	if errors.Is(err, netlink.ErrDumpInterrupted) {
		err = nil
	}
	return all, err
}
