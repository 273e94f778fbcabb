package deployer

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
)

func (w *world) Lease(_ context.Context, name string) (netip.Prefix, error) {
	var p netip.Prefix
	return p, w.do("lease", func() error {
		if _, held := w.leases[name]; !held {
			w.last = w.last.Next()
			w.leases[name] = w.last
		}
		p = netip.PrefixFrom(w.leases[name], 24)
		return nil
	})
}

func (w *world) Hold(name string, a netip.Addr) error {
	return w.do("hold", func() error {
		if !netip.MustParsePrefix("10.0.3.0/24").Contains(a) {
			return fmt.Errorf("hold %s for %s: not of the bridge's subnet", a, name)
		}
		w.leases[name] = a
		return nil
	})
}

func (w *world) Release(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.leases, name)
}

func (w *world) SetNames(root Root, names map[string]netip.Addr) (bool, error) {
	changed := false
	return changed, w.do("names", func() error {
		c := root.(*fakeRoot).c
		changed = !maps.Equal(c.names, names)
		c.names = maps.Clone(names)
		return nil
	})
}

func (w *world) SetPorts(_ context.Context, targets map[string]netip.AddrPort, _ map[string]netip.Addr) error {
	return w.do("ports", func() error { w.ports = maps.Clone(targets); return nil })
}

func (w *world) RepairPorts(_ context.Context, targets map[string]netip.AddrPort, _ map[string]netip.Addr) (bool, error) {
	changed := false
	return changed, w.do("repair ports", func() error {
		changed = !maps.Equal(w.ports, targets)
		w.ports = maps.Clone(targets)
		return nil
	})
}

func (w *world) Items(p netip.Prefix) []string { return []string{"address = " + p.String()} }

func (w *world) Forget(netip.Addr) error { return w.do("forget", func() error { return nil }) }

func (w *world) Nameserver() netip.Addr { return netip.Addr{} }
