package deployer_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"

	"github.com/jarloop/jarloop/deployer"
)

// holder is the machine's, for one agent.
type holder struct{ *door }

var _ deployer.Holder = holder{}

// held is a relay that runs; it outlives the agent.
type held struct {
	at   netip.AddrPort
	to   netip.AddrPort // where it passes on what comes; invalid: nowhere yet
	told bool           // nothing comes that could answer
}

func (h holder) Hold(ctx context.Context, o deployer.Hold) (at netip.AddrPort, err error) {
	return at, h.do(ctx, "hold", func() error {
		h.relays++
		at = netip.AddrPortFrom(netip.MustParseAddr("10.0.3.1"), 40000+h.relays)
		h.held[o.Service] = &held{at: at}
		return nil
	})
}

// Release notes as harm what is passed on to one that does not accept it.
func (h holder) Release(ctx context.Context, service string, to netip.AddrPort) (got deployer.Held, err error) {
	return got, h.do(ctx, "release", func() error {
		r := h.held[service]
		if r == nil {
			return errors.New("there is no relay")
		}
		r.to, r.told = to, !to.IsValid()
		if to.IsValid() && !h.accepts(to) {
			h.harm = append(h.harm, "what was held of "+service+" is passed on to "+to.String()+", where nobody accepts it")
		}
		return nil
	})
}

// accepts says whether some instance accepts connections at an address.
func (w *world) accepts(at netip.AddrPort) bool {
	for _, i := range w.instances {
		if i.address == at.Addr() && i.running && i.listens(at.Port()) {
			return true
		}
	}
	return false
}

// End notes as harm where ports still lead there.
func (h holder) End(ctx context.Context, service string) error {
	return h.do(ctx, "end hold", func() error {
		if r := h.held[service]; r != nil && h.ports.Held[service] == r.at {
			h.harm = append(h.harm, "the relay of "+service+" has ended, and ports lead there")
		}
		delete(h.held, service)
		return nil
	})
}

func (h holder) Holding(ctx context.Context) (all map[string]deployer.Held, err error) {
	return all, h.do(ctx, "holding", func() error {
		all = map[string]deployer.Held{}
		for service, r := range maps.Clone(h.held) {
			all[service] = deployer.Held{Address: r.at}
		}
		return nil
	})
}
