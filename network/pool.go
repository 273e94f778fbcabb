package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// ErrExhausted says that every address of the range is taken.
var ErrExhausted = errors.New("no address left")

// cooling is how long a freed address is kept from the next owner. Clients
// that resolved a name before the switch (a JVM for 30 s, by default) must
// have asked again, or they reach a stranger.
const cooling = 60 * time.Second

// Pool leases the addresses of a range, none of them to two owners.
//
// The next lease is the next free address after the last one given, round and
// round, and one that was freed less than a minute ago is passed over while
// there is another: the longer an address rests, the fewer remember whose it
// was. Only if nothing else is left, the one that was freed first is given.
//
// Nothing is kept on disk: whoever starts anew says with Hold what is in use.
// A Pool may be used by several goroutines.
type Pool struct {
	PoolOptions
	leases string // a lease file of dnsmasq, or empty

	// check says whether the bridge is still what it was, and taken whether a
	// stranger has an address.
	check func() error
	taken func(context.Context, netip.Addr) (bool, error)

	mu    sync.Mutex
	given netip.Addr // the last one; the search begins after it
	held  map[netip.Addr]string
	owned map[string]netip.Addr
	freed map[netip.Addr]time.Time
}

var _ deployer.Pool = (*Pool)(nil)

// PoolOptions are what a Pool leases.
type PoolOptions struct {
	// Bridge is the name of the bridge, and Own its address with the length of
	// its subnet's prefix, as Range gives it.
	Bridge string
	Own    netip.Prefix
	// First and Last are the ends of the range, both included.
	First, Last netip.Addr
	// DHCP says that instances get their addresses from a DHCP server. What that
	// gives may be of another subnet than the bridge's own address.
	DHCP bool
}

// NewPool makes a Pool. Addresses that the bridge's dnsmasq has leased, and those
// that a stranger has, are passed over. Before each lease the bridge is looked
// at: what is leased of a subnet that it has left would reach nobody.
func NewPool(o PoolOptions) (*Pool, error) {
	switch {
	case !o.Own.IsValid() || !o.Own.Addr().Is4():
		return nil, fmt.Errorf("lease addresses of %s: not an IPv4 subnet", o.Own)
	case !o.Own.Contains(o.First) || !o.Own.Contains(o.Last):
		return nil, fmt.Errorf("lease addresses %s-%s: not in the bridge's subnet %s", o.First, o.Last, o.Own.Masked())
	case o.Last.Less(o.First):
		return nil, fmt.Errorf("lease addresses %s-%s: the range ends before it begins", o.First, o.Last)
	}
	return &Pool{
		PoolOptions: o, leases: leasesFile(o.Bridge), given: o.Last,
		check: func() error { return checkBridgeStays(o.Bridge, o.Own) },
		taken: func(ctx context.Context, addr netip.Addr) (bool, error) { return taken(ctx, o.Bridge, addr) },
		held:  map[netip.Addr]string{}, owned: map[string]netip.Addr{}, freed: map[netip.Addr]time.Time{},
	}, nil
}

// Lease gives owner an address that nobody else has, with the length of the
// subnet's prefix. An owner that has one gets it again. With DHCP it is the zero
// Prefix. ErrExhausted says that none is left.
func (p *Pool) Lease(ctx context.Context, owner string) (netip.Prefix, error) {
	if p.DHCP {
		return netip.Prefix{}, nil
	}
	if err := p.check(); err != nil {
		return netip.Prefix{}, fmt.Errorf("lease an address for %s: %w", owner, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if addr, ok := p.owned[owner]; ok {
		return p.prefix(addr), nil
	}
	strangers, err := p.readLeases()
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("lease an address for %s: %w", owner, err)
	}
	for byDHCP := len(strangers); ; {
		addr := p.choose(strangers, time.Now())
		if !addr.IsValid() {
			return netip.Prefix{}, fmt.Errorf("lease an address of %s-%s for %s (%d are leased, %d have been given out by DHCP, %d are in use by others; "+
				"widen range under [lxc], or shorten drain): %w", p.First, p.Last, owner, len(p.held), byDHCP, len(strangers)-byDHCP, ErrExhausted)
		}
		p.give(owner, addr)
		p.given = addr
		taken, err := p.ask(ctx, addr)
		if err == nil && !taken {
			return p.prefix(addr), nil
		}
		delete(p.owned, owner)
		delete(p.held, addr)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("lease an address for %s: %w", owner, err)
		}
		strangers[addr] = "somebody"
	}
}

// ask asks whether a stranger has the address. Others may lease meanwhile.
func (p *Pool) ask(ctx context.Context, addr netip.Addr) (bool, error) {
	p.mu.Unlock()
	defer p.mu.Lock()
	return p.taken(ctx, addr)
}

// Hold says that owner, found running, has the address, inside the range or
// not. That somebody else has it, or that the owner has another one, is an
// error, as is an address that nobody on the bridge can have: its subnet may be
// another one than when that was given.
func (p *Pool) Hold(owner string, addr netip.Addr) error {
	if p.DHCP && !p.Own.Contains(addr) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other, ok := p.held[addr]; ok && other != owner {
		return fmt.Errorf("hold %s for %s: %s has it", addr, owner, other)
	}
	if own, ok := p.owned[owner]; ok && own != addr {
		return fmt.Errorf("hold %s for %s: it has %s", addr, owner, own)
	}
	if !p.Own.Contains(addr) || !p.usable(addr) {
		return fmt.Errorf("hold %s for %s: not an address for others on a bridge that is %s", addr, owner, p.Own)
	}
	p.give(owner, addr)
	// What was freed before a restart is forgotten. It is likely to lie before
	// the newest address in use, so go on after that one.
	if p.inRange(addr) && (p.given == p.Last || p.given.Less(addr)) {
		p.given = addr
	}
	return nil
}

// Release takes the address of owner back. That it has none is no error.
func (p *Pool) Release(owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	addr, ok := p.owned[owner]
	if !ok {
		return
	}
	delete(p.owned, owner)
	delete(p.held, addr)
	if p.inRange(addr) {
		p.freed[addr] = time.Now()
	}
}

func (p *Pool) give(owner string, addr netip.Addr) {
	p.held[addr] = owner
	p.owned[owner] = addr
	delete(p.freed, addr)
}

// choose gives the address to lease next, or the zero Addr.
func (p *Pool) choose(strangers map[netip.Addr]string, now time.Time) netip.Addr {
	var oldest netip.Addr
	for addr := p.after(p.given); ; addr = p.after(addr) {
		_, stranger := strangers[addr]
		_, held := p.held[addr]
		freed, resting := p.freed[addr]
		switch {
		case stranger || held || !p.usable(addr):
		case !resting || now.Sub(freed) >= cooling:
			return addr
		case !oldest.IsValid() || freed.Before(p.freed[oldest]):
			oldest = addr
		}
		if addr == p.given {
			return oldest
		}
	}
}

func (p *Pool) after(addr netip.Addr) netip.Addr {
	if addr == p.Last {
		return p.First
	}
	return addr.Next()
}

func (p *Pool) inRange(addr netip.Addr) bool {
	return !addr.Less(p.First) && !p.Last.Less(addr)
}

// usable says whether a container may have the address at all.
func (p *Pool) usable(addr netip.Addr) bool {
	return addr != p.Own.Addr() && addr != p.Own.Masked().Addr() && addr != broadcast(p.Own)
}

func (p *Pool) prefix(addr netip.Addr) netip.Prefix {
	return netip.PrefixFrom(addr, p.Own.Bits())
}

func (p *Pool) readLeases() (map[netip.Addr]string, error) {
	if p.leases == "" {
		return map[netip.Addr]string{}, nil
	}
	content, err := os.ReadFile(p.leases)
	if errors.Is(err, fs.ErrNotExist) {
		return map[netip.Addr]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the leases of dnsmasq: %w", err)
	}
	return parseLeases(content), nil
}
