package deployer

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Router makes names and ports lead to generations. It is the one door to what
// does that; package network implements it for this machine.
//
// Set and Repair are called by one goroutine at a time, Forget by any.
type Router interface {
	// Set makes r so, or leaves what was and says why. changed are the instances
	// whose names are others now. Where it can neither go on nor back, the error
	// is a *DriftError.
	Set(ctx context.Context, r Routes) (changed []string, err error)
	// Repair is Set where somebody else may have changed something, and says for
	// people what it has put back. It goes on where a part fails; the error is a
	// *DriftError then.
	Repair(ctx context.Context, r Routes) (changed, repaired []string, err error)
	// VIPs gives the virtual IPs that there are from before, by service.
	VIPs(ctx context.Context) (map[string]netip.Addr, error)
	// Forget drops what is remembered of connections to an address, whose
	// instance has stopped.
	Forget(addr netip.Addr) error
}

// Routes is the whole of what names and ports lead to.
type Routes struct {
	// Targets are where the live generations listen, by service, and where names
	// lead that are no services'. Ports and the VIP of one without a target refuse
	// connections. Port 0 is that of one that listens nowhere.
	Targets map[string]netip.AddrPort
	// Held are where TCP connections to services are kept waiting instead, by
	// service.
	Held map[string]netip.AddrPort
	// Ports are those by which services are asked whose targets listen on another,
	// by service.
	Ports map[string]uint16
	// VIPs are the virtual IPs of services, by service: their names lead there,
	// and never elsewhere.
	VIPs map[string]netip.Addr
	// Publish are the ports of the machine that lead to services.
	Publish []Publish
	// Names are the host names that each running instance has to know, by
	// instance.
	Names map[string]map[string]netip.Addr
}

// Publish is a port of the machine that leads to a service.
type Publish struct {
	Interface string // on which it is reached, such as eth0
	Port      uint16
	Protocol  string // TCP or UDP
	Service   string
	// To is another port of the service than its own; 0: its own.
	To uint16
}

// What a port is published for.
const (
	TCP = "tcp"
	UDP = "udp"
)

// Equal says whether both lead everything to the same.
func (r Routes) Equal(o Routes) bool {
	return maps.Equal(r.Targets, o.Targets) && maps.Equal(r.Held, o.Held) && maps.Equal(r.Ports, o.Ports) && maps.Equal(r.VIPs, o.VIPs) &&
		slices.Equal(r.Publish, o.Publish) && maps.EqualFunc(r.Names, o.Names, maps.Equal)
}

// DriftError says that names or ports of services may lead to what they should
// not lead to.
type DriftError struct {
	// Services are those; none means that it may be any.
	Services []string
	Err      error
}

func (e *DriftError) Error() string {
	if len(e.Services) == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v (%s may still lead elsewhere)", e.Err, strings.Join(e.Services, ", "))
}

func (e *DriftError) Unwrap() error { return e.Err }

// Pool gives out addresses. network.Pool implements it.
type Pool interface {
	// Lease gives an owner, an instance or a service, an address that nobody
	// else has, with the length of its network's prefix; the zero Prefix means
	// that it gets one by DHCP. Asking again gives the same.
	Lease(ctx context.Context, owner string) (netip.Prefix, error)
	// Hold says that the owner has the address already.
	Hold(owner string, addr netip.Addr) error
	// Release takes it back. None held is no error.
	Release(owner string)
}
