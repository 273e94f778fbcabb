package agent

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

const (
	// lookUpTime bounds a look-up.
	lookUpTime = 5 * time.Second
	// lookUpEvery is how often names of other machines are looked up again.
	lookUpEvery = time.Minute
)

// externals finds out where names lead that leave the machine, and keeps them
// leading there. Its own goroutine alone uses it once follow has begun.
type externals struct {
	lookUp   func(ctx context.Context, network, host string) ([]netip.Addr, error)
	set      func(context.Context, map[string]netip.AddrPort) error
	say      func(string)
	complain func(string)
	changes  chan []config.External // a new configuration

	all []config.External
	now map[string]netip.AddrPort
	why map[string]string // by name: why it leads nowhere, or may lead to where it did
}

func newExternals(all []config.External, say, complain func(string)) *externals {
	return &externals{
		lookUp: net.DefaultResolver.LookupNetIP, say: say, complain: complain,
		changes: make(chan []config.External), all: all, why: map[string]string{},
	}
}

// resolve gives where the names lead. One that cannot be looked up leads to where it
// did, or nowhere, which is said once.
func (e *externals) resolve(ctx context.Context) map[string]netip.AddrPort {
	to := map[string]netip.AddrPort{}
	found := make([][]netip.Addr, len(e.all))
	failed := make([]error, len(e.all))
	var group sync.WaitGroup
	for i, x := range e.all {
		host, at := x.At()
		if at.Addr().IsValid() {
			found[i] = []netip.Addr{at.Addr()}
			continue
		}
		group.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, lookUpTime)
			defer cancel()
			found[i], failed[i] = e.lookUp(ctx, "ip4", host)
		})
	}
	group.Wait()
	why := map[string]string{}
	for i, x := range e.all {
		_, at := x.At()
		was, led := e.now[x.Name]
		switch {
		case failed[i] == nil && len(found[i]) > 0:
			addrs := found[i]
			slices.SortFunc(addrs, netip.Addr.Compare)
			addr := addrs[0].Unmap()
			if slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap() == was.Addr() }) {
				addr = was.Addr() // of several, that which it was
			}
			to[x.Name] = netip.AddrPortFrom(addr, at.Port())
			continue
		case led:
			to[x.Name] = was
		}
		then := "connections to it are refused until it is found"
		if led {
			then = "it leads to " + was.Addr().String() + " as before"
		}
		why[x.Name] = fmt.Sprintf("external.%s: this machine does not find %s (%v); %s", x.Name, x.Address, failed[i], then)
		if e.why[x.Name] == "" && ctx.Err() == nil {
			e.complain(why[x.Name])
		}
	}
	e.why = why
	return to
}

// first finds out where names lead before anything is begun.
func (e *externals) first(ctx context.Context) map[string]netip.AddrPort {
	e.now = e.resolve(ctx)
	return e.now
}

// follow keeps names leading to where they should, until ctx ends.
func (e *externals) follow(ctx context.Context) {
	for {
		again := time.NewTimer(lookUpEvery)
		select {
		case <-ctx.Done():
			return
		case e.all = <-e.changes:
		case <-again.C:
		}
		again.Stop()
		to := e.resolve(ctx)
		if ctx.Err() != nil || maps.Equal(to, e.now) {
			continue
		}
		if err := e.set(ctx, to); err != nil {
			e.complain(fmt.Sprintf("external names not changed yet: %v", err))
		}
		for name, at := range to {
			if e.now[name] != at {
				e.say(fmt.Sprintf("%s leads to %s", name, at))
			}
		}
		e.now = to
	}
}

// take hands over a new configuration.
func (e *externals) take(ctx context.Context, all []config.External) {
	select {
	case e.changes <- all:
	case <-ctx.Done():
	}
}
