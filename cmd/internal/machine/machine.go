// Package machine opens what the deployer works with on this machine, as the
// configuration says: containers of liblxc or of a cluster, and the names, ports and
// addresses of the network.
package machine

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/lxc"
	"github.com/jarloop/jarloop/network"
	"github.com/jarloop/jarloop/network/relay"
)

// Containers are those of an engine, which is let go of by Close.
type Containers interface {
	deployer.Engine
	io.Closer
}

// Machine is what one agent has of this machine.
type Machine struct {
	Engine Containers
	Router *network.Router
	Pool   *network.Pool
	Relays *relay.Relays

	Keep    Keep
	release func() error
}

// Open opens it. The bridge must be up, and no other agent may have names and
// ports. notes receives what a person should know of what is done to the VM. The
// caller closes it.
func Open(ctx context.Context, c *config.Config, notes func(string)) (*Machine, error) {
	bridge, first, last, err := network.Range(c.LXC.Bridge, c.LXC.Range.First, c.LXC.Range.Last)
	if err != nil {
		return nil, err
	}
	engine, err := Engine(c, bridge)
	if err != nil {
		return nil, err
	}
	keep, release, err := Lease(ctx, engine, notes)
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	m := &Machine{Engine: engine, Keep: keep, release: release, Relays: relay.New(relay.Options{
		Folder: c.Run, Listen: bridge.Addr(), Child: self.RelayChild(),
	})}
	m.Pool, err = network.NewPool(network.PoolOptions{
		Bridge: c.LXC.Bridge, Own: bridge, First: first, Last: last, DHCP: c.LXC.Address == config.AddressDHCP,
	})
	if err == nil {
		m.Router, err = network.NewRouter(network.Options{Bridge: c.LXC.Bridge, Subnet: bridge, Files: engine, Notes: notes})
	}
	if err != nil {
		return nil, errors.Join(err, release(), engine.Close())
	}
	return m, nil
}

// Close lets go of it. Containers, names and ports stay.
func (m *Machine) Close() error {
	return errors.Join(m.Router.Close(), m.release(), m.Engine.Close())
}

// Engine gives the containers, of this machine or of a cluster. Without the bridge's own
// address none can be made.
func Engine(c *config.Config, bridge netip.Prefix) (Containers, error) {
	if c.Incus() {
		return Cluster(c, bridge)
	}
	o := lxc.Options{
		Path: c.LXC.Path, Logs: folders.Logs(c), Backing: c.LXC.Backing, Child: self.LXCChild(),
		Bridge: c.LXC.Bridge, Gateway: bridge.Addr(), DataCopyLimit: int64(c.LXC.DataCopyLimit),
	}
	if c.LXC.Address != config.AddressDHCP { // else they are told by that
		o.Nameserver = bridge.Addr() // where LXC's dnsmasq answers
	}
	return lxc.New(o)
}
