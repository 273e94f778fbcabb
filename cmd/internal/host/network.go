package host

import (
	"context"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/network"
)

// Network is the names, addresses and ports of this host.
type Network struct {
	*network.Pool
	router *network.Router

	mu      sync.Mutex
	publish []deployer.Publish
}

var _ deployer.Network = (*Network)(nil)

// NewNetwork makes the network that the configuration speaks of. The bridge
// must be up. notes receives what a person should know of what is done to the
// VM. No other process may have one. The caller closes it.
func NewNetwork(c *config.Config, notes func(string)) (*Network, error) {
	own, first, last, err := Range(c)
	if err != nil {
		return nil, err
	}
	pool, err := network.NewPool(network.PoolOptions{
		Bridge: c.LXC.Bridge, Own: own, First: first, Last: last, DHCP: c.LXC.Address == config.AddressDHCP,
	})
	if err != nil {
		return nil, err
	}
	router, err := network.NewRouter(network.Options{Bridge: c.LXC.Bridge, Subnet: own, Notes: notes})
	if err != nil {
		return nil, err
	}
	return &Network{Pool: pool, router: router, publish: Publishes(c)}, nil
}

// Range gives the bridge's own address and the addresses that are leased.
func Range(c *config.Config) (bridge netip.Prefix, first, last netip.Addr, err error) {
	return network.Range(c.LXC.Bridge, c.LXC.Range.First, c.LXC.Range.Last)
}

// Publishes gives the published ports of the configuration, those of debuggers too.
func Publishes(c *config.Config) []deployer.Publish {
	var all []deployer.Publish
	for _, p := range c.Ports() {
		all = append(all, deployer.Publish{Interface: p.Interface, Port: uint16(p.Port), Service: p.Service, To: uint16(p.To)})
	}
	return all
}

// Publish makes the published ports those of the configuration. The rules
// follow with the next SetPorts.
func (n *Network) Publish(_ context.Context, c *config.Config) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.publish = Publishes(c)
	return nil
}

// RemoveRules removes every rule of ours. It needs no bridge.
func RemoveRules(ctx context.Context, c *config.Config) error {
	return network.RemoveRules(ctx, c.LXC.Bridge)
}

// Close lets another process have names and ports. It changes nothing.
func (n *Network) Close() error { return n.router.Close() }

// SetNames writes the block of the hosts file inside root.
func (n *Network) SetNames(root deployer.Root, names map[string]netip.Addr) (bool, error) {
	defer crash.Point("names")()
	return network.WriteHosts(context.Background(), inside{root}, "the container", names)
}

// inside is the files of one container.
type inside struct{ root deployer.Root }

func (i inside) ReadFile(_ context.Context, _, file string) ([]byte, error) {
	return i.root.ReadFile(file)
}

func (i inside) WriteFile(_ context.Context, _, file string, data []byte, perm fs.FileMode) error {
	return i.root.WriteFile(file, data, perm)
}

// SetPorts points the published ports and the virtual IPs at targets.
func (n *Network) SetPorts(ctx context.Context, targets map[string]netip.AddrPort, addresses map[string]netip.Addr) error {
	_, err := n.router.Set(ctx, n.routes(targets, addresses))
	return err
}

// RepairPorts does the same, whatever anyone has done to the rules.
func (n *Network) RepairPorts(ctx context.Context, targets map[string]netip.AddrPort, addresses map[string]netip.Addr) (bool, error) {
	_, repaired, err := n.router.Repair(ctx, n.routes(targets, addresses))
	return len(repaired) > 0, err
}

func (n *Network) routes(targets map[string]netip.AddrPort, addresses map[string]netip.Addr) deployer.Routes {
	n.mu.Lock()
	defer n.mu.Unlock()
	return deployer.Routes{Targets: targets, VIPs: addresses, Publish: slices.Clone(n.publish)}
}

// Forget makes the kernel forget the connections to an address.
func (n *Network) Forget(addr netip.Addr) error { return n.router.Forget(addr) }

// Items are the configuration of a container's network interface.
func (n *Network) Items(addr netip.Prefix) []string {
	items := []string{
		"lxc.net.0.type = veth", "lxc.net.0.link = " + n.Bridge, "lxc.net.0.flags = up",
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
			"lxc.net.0.ipv4.gateway = "+n.Own.Addr().String())
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
	if n.DHCP {
		return netip.Addr{}
	}
	return n.Own.Addr()
}
