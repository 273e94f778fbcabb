package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

const (
	// probeLink is the VM's end of the cable by which ports are tried.
	probeLink = "jarloop-probe"
	// proofTime is how long a port may take to accept a connection.
	proofTime = 2 * time.Second
)

// Reach tries to connect to addresses of the VM as a caller from outside would: its
// packets come in by an interface, are sent on and pass FORWARD, which those of the
// VM itself do not. It has a network namespace of its own on the bridge for that,
// with an address of the range. What others' rules say of another interface by its
// name is not tried. It gives what went wrong with each address.
func Reach(ctx context.Context, bridge netip.Prefix, name string, as netip.Prefix, to []netip.AddrPort) ([]error, error) {
	type tried struct {
		failed []error
		err    error
	}
	done := make(chan tried)
	go func() {
		runtime.LockOSThread()
		remove, err := plug(name, bridge.Addr(), as)
		if err != nil {
			done <- tried{nil, fmt.Errorf("try published ports from a namespace on %s: %w", name, err)}
			return
		}
		var failed []error
		for _, at := range to {
			conn, err := (&net.Dialer{Timeout: proofTime}).DialContext(ctx, "tcp4", at.String())
			if err == nil {
				err = conn.Close()
			}
			failed = append(failed, err)
		}
		done <- tried{failed, remove()}
	}()
	all := <-done
	return all.failed, all.err
}

// plug takes the thread, which is locked, to a namespace of its own, with a cable to
// the bridge. remove brings it back and takes both away; a thread that does not come
// back ends with its goroutine.
func plug(bridge string, gateway netip.Addr, as netip.Prefix) (remove func() error, err error) {
	vm, err := netns.Get()
	if err != nil {
		return nil, err
	}
	space, err := netns.New()
	if err != nil {
		return nil, errors.Join(err, vm.Close())
	}
	remove = func() error {
		defer vm.Close()
		defer space.Close()
		if err := netns.Set(vm); err != nil {
			return fmt.Errorf("come back to the VM's network: %w", err)
		}
		runtime.UnlockOSThread()
		link, err := netlink.LinkByName(probeLink)
		if errors.As(err, &netlink.LinkNotFoundError{}) {
			return nil
		}
		if err == nil {
			err = netlink.LinkDel(link)
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remove())
		}
	}()
	outside, err := netlink.NewHandleAt(vm)
	if err != nil {
		return nil, err
	}
	defer outside.Close()
	port, err := outside.LinkByName(bridge)
	if err != nil {
		return nil, err
	}
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: probeLink, PeerNamespace: netlink.NsFd(int(vm))}
	if err := netlink.LinkAdd(cable); err != nil {
		return nil, err
	}
	end, err := outside.LinkByName(probeLink)
	if err != nil {
		return nil, err
	}
	return remove, errors.Join(
		outside.LinkSetMaster(end, port), outside.LinkSetUp(end),
		netlink.AddrAdd(cable, &netlink.Addr{IPNet: &net.IPNet{IP: as.Addr().AsSlice(), Mask: net.CIDRMask(as.Bits(), 32)}}),
		netlink.LinkSetUp(cable),
		netlink.RouteAdd(&netlink.Route{LinkIndex: cable.Attrs().Index, Gw: gateway.AsSlice()}),
	)
}

// InterfaceAddr gives the address by which others reach an interface of the VM;
// not valid: it has none of IPv4.
func InterfaceAddr(name string) netip.Addr {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}
	}
	addrs, err := i.Addrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}
