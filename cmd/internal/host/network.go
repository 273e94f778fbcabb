package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/network"
)

// Network is the names, addresses and ports of this host.
type Network struct {
	bridge string
	prefix netip.Prefix // the bridge's own address
	pool   *network.Pool
	ports  *network.Ports
	claim  *net.UnixListener // nil: somebody keeps it from being claimed
	dhcp   bool
}

var _ deployer.Network = (*Network)(nil)

// NewNetwork makes the network that the configuration speaks of. The bridge
// must be up. notes receives what a person should know of what is done to the
// VM. No other process may have one. The caller closes it.
func NewNetwork(c *config.Config, notes func(string)) (*Network, error) {
	prefix, first, last, err := Range(c)
	if err != nil {
		return nil, err
	}
	pool, err := network.NewPool(prefix, first, last, network.LeasesFile(c.LXC.Bridge),
		func(ctx context.Context, addr netip.Addr) (bool, error) {
			return network.Taken(ctx, c.LXC.Bridge, addr)
		})
	if err != nil {
		return nil, err
	}
	ports, err := network.NewPorts(c.LXC.Bridge, prefix.Masked(), Publishes(c), network.WithNotes(notes))
	if err != nil {
		return nil, err
	}
	claim, err := claim()
	if err != nil {
		return nil, err
	}
	return &Network{
		bridge: c.LXC.Bridge, prefix: prefix, pool: pool, ports: ports, claim: claim,
		dhcp: c.LXC.Address == config.AddressDHCP,
	}, nil
}

// Range gives the bridge's own address and the addresses that are leased. Where
// the bridge's subnet has no room for those, its address comes with the error.
func Range(c *config.Config) (bridge netip.Prefix, first, last netip.Addr, err error) {
	bridge, err = network.BridgePrefix(c.LXC.Bridge)
	if err != nil {
		return netip.Prefix{}, first, last, err
	}
	if c.LXC.Range.IsZero() {
		first, last, err = network.DefaultRange(bridge)
		return bridge, first, last, err
	}
	return bridge, c.LXC.Range.First, c.LXC.Range.Last, c.LXC.Range.Inside(bridge)
}

// Publishes gives the published ports of the configuration, those of debuggers too.
func Publishes(c *config.Config) []network.Publish {
	var all []network.Publish
	for _, p := range c.Ports() {
		all = append(all, network.Publish{Interface: p.Interface, Port: uint16(p.Port), Service: p.Service, To: uint16(p.To)})
	}
	return all
}

// Publish makes the published ports those of the configuration. The rules
// follow with the next SetPorts.
func (n *Network) Publish(ctx context.Context, c *config.Config) error {
	return n.ports.Publish(ctx, Publishes(c))
}

// RemoveRules removes every rule of ours. It needs no bridge.
func RemoveRules(ctx context.Context, c *config.Config) error {
	defer crash.Point("remove rules")()
	ports, err := network.NewPorts(c.LXC.Bridge, netip.Prefix{}, nil)
	if err != nil {
		return err
	}
	defer ports.Close()
	return ports.Remove(ctx)
}

// Close waits for what a call has left behind whose context ended. It changes
// nothing.
func (n *Network) Close() error {
	err := n.ports.Close()
	if n.claim != nil {
		err = errors.Join(err, n.claim.Close())
		n.claim = nil
	}
	return err
}

// Lease gives a container its address.
func (n *Network) Lease(ctx context.Context, container string) (netip.Prefix, error) {
	if n.dhcp {
		return netip.Prefix{}, nil
	}
	if err := network.CheckBridge(n.bridge, n.prefix); err != nil { // what is leased would reach nobody
		return netip.Prefix{}, fmt.Errorf("lease an address for %s: %w", container, err)
	}
	return n.pool.Lease(ctx, container)
}

// Hold says that a container has an address. What a DHCP server gives may be of
// another subnet than the bridge's own address.
func (n *Network) Hold(container string, addr netip.Addr) error {
	if n.dhcp && !n.prefix.Contains(addr) {
		return nil
	}
	return n.pool.Hold(container, addr)
}

// Release takes a container's address back.
func (n *Network) Release(container string) { n.pool.Release(container) }

// SetNames writes the block of the hosts file inside root.
func (n *Network) SetNames(root deployer.Root, names map[string]netip.Addr) (bool, error) {
	defer crash.Point("names")()
	return network.SetHosts(root, names)
}

// SetPorts leads the published ports and the service addresses to targets.
func (n *Network) SetPorts(ctx context.Context, targets map[string]netip.AddrPort, addresses map[string]netip.Addr) error {
	defer crash.Point("ports")()
	_, err := n.ports.Set(ctx, network.Wiring{Targets: targets, Addresses: addresses})
	return err
}

// RepairPorts does the same, whatever anyone has done to the rules.
func (n *Network) RepairPorts(ctx context.Context, targets map[string]netip.AddrPort, addresses map[string]netip.Addr) (bool, error) {
	defer crash.Point("repair ports")()
	return n.ports.Repair(ctx, network.Wiring{Targets: targets, Addresses: addresses})
}

// Forget makes the kernel forget the connections that lead to an address.
func (n *Network) Forget(addr netip.Addr) error { return network.Forget(addr) }

// Items are the configuration of a container's network interface.
func (n *Network) Items(addr netip.Prefix) []string {
	items := []string{
		"lxc.net.0.type = veth", "lxc.net.0.link = " + n.bridge, "lxc.net.0.flags = up",
		// All connections to a service go to one address. With the kernel's
		// own range and ports resting for a minute, 250 a second used them up,
		// and each further one cost a search (seen with nginx in front).
		"lxc.sysctl.net.ipv4.ip_local_port_range = 10240 60999",
		"lxc.sysctl.net.ipv4.tcp_tw_reuse = 1",
	}
	if addr.IsValid() {
		items = append(items,
			"lxc.net.0.hwaddr = "+hardware(addr.Addr()),
			"lxc.net.0.ipv4.address = "+addr.String(),
			"lxc.net.0.ipv4.gateway = "+n.prefix.Addr().String())
	}
	return items
}

// hardware gives the MAC address that goes with an IPv4 address, always the
// same. Whoever has talked to the container that had the address before
// remembers that one's MAC address, and would go on sending there for nine
// seconds (arp(7): delay_first_probe_time, then ucast_solicit).
func hardware(addr netip.Addr) string {
	b := addr.As4()
	return net.HardwareAddr{0x02, 'j', b[0], b[1], b[2], b[3]}.String() // 02: locally administered
}

// Nameserver is the bridge's own address, where LXC's dnsmasq answers; with
// DHCP it is told by that.
func (n *Network) Nameserver() netip.Addr {
	if n.dhcp {
		return netip.Addr{}
	}
	return n.prefix.Addr()
}
