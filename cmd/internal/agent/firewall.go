package agent

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/network"
)

// rulesEvery is how often the rules of others are looked at.
const rulesEvery = time.Minute

// firewall finds rules of others that keep requests from services, and tries each
// published port once when its service is live.
type firewall struct {
	obstacles func(ctx context.Context, publish []deployer.Publish) ([]network.Obstacle, error)
	reach     func(ctx context.Context, to []netip.AddrPort) ([]error, error)
	address   func(string) netip.Addr // of an interface
	live      func() []deployer.Status
	ports     func() []deployer.Publish
	complain  func(string)
	store     func([]string) // what is in the way, for the status
	news      chan struct{}  // a service may be live that was not

	known []string // what was complained of
	tried map[string]bool
}

// newFirewall makes that of this machine.
func newFirewall(a *agent, c *config.Config, pool deployer.Pool) *firewall {
	return &firewall{
		obstacles: func(ctx context.Context, publish []deployer.Publish) ([]network.Obstacle, error) {
			return network.Obstacles(ctx, c.LXC.Bridge, publish)
		},
		reach: func(ctx context.Context, to []netip.AddrPort) ([]error, error) {
			if c.Incus() { // who tries would have to be in the network beside this machine
				return nil, nil
			}
			const owner = "a try of published ports" // no service is called so
			bridge, err := network.BridgePrefix(c.LXC.Bridge)
			if err != nil {
				return nil, err
			}
			as, err := pool.Lease(ctx, owner)
			if err != nil || !as.IsValid() { // none is ours to give, with DHCP
				return nil, err
			}
			defer pool.Release(owner)
			return network.Reach(ctx, bridge, c.LXC.Bridge, as, to)
		},
		address: network.InterfaceAddr, live: a.deployer.Status,
		ports:    func() []deployer.Publish { return *a.ports.Load() },
		complain: a.out.Complain, store: func(all []string) { a.obstacles.Store(&all) },
		news: make(chan struct{}, 1), tried: map[string]bool{},
	}
}

// watch looks again and again, until ctx ends.
func (f *firewall) watch(ctx context.Context) {
	for ctx.Err() == nil {
		f.look(ctx)
		f.try(ctx)
		select {
		case <-ctx.Done():
		case <-f.news:
		case <-time.After(rulesEvery):
		}
	}
}

// look complains of what is in the way and was not the last time.
func (f *firewall) look(ctx context.Context) {
	found, err := f.obstacles(ctx, f.ports())
	if err != nil {
		return // doctor says so, and it may be otherwise in a minute
	}
	var all []string
	for _, o := range found {
		text := o.Found + ": " + o.Remedy
		all = append(all, text)
		if !slices.Contains(f.known, text) {
			f.complain(text)
		}
	}
	f.known = all
	f.store(all)
}

// try tries the published ports of services that are live by now.
func (f *firewall) try(ctx context.Context) {
	var to []netip.AddrPort
	var publish []deployer.Publish
	for _, p := range f.ports() {
		addr := f.address(p.Interface)
		key := fmt.Sprint(p)
		if f.tried[key] || p.Protocol != deployer.TCP || !addr.IsValid() || !f.serves(p.Service) {
			continue
		}
		f.tried[key] = true
		to, publish = append(to, netip.AddrPortFrom(addr, p.Port)), append(publish, p)
	}
	if len(to) == 0 {
		return
	}
	failed, err := f.reach(ctx, to)
	if err != nil && ctx.Err() == nil {
		f.complain("published ports not tried: " + err.Error())
	}
	for i, err := range failed {
		if err == nil || ctx.Err() != nil || !f.serves(publish[i].Service) {
			continue
		}
		why := "jarloop doctor looks for rules that drop it"
		if len(f.known) > 0 {
			why = "likely because of: " + strings.Join(f.known, "; ")
		}
		f.complain(fmt.Sprintf("port %d of %s does not lead to %s, tried as from outside: %v; %s",
			publish[i].Port, publish[i].Interface, publish[i].Service, err, why))
	}
}

// serves says whether names and ports lead to what is live of a service.
func (f *firewall) serves(service string) bool {
	return slices.ContainsFunc(f.live(), func(s deployer.Status) bool {
		return s.Service == service && s.Generation != "" && s.State != "down" && s.Diverted == ""
	})
}

// changed says that a service may be live that was not.
func (f *firewall) changed() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}
