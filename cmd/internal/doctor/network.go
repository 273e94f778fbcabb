package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/network"
)

const lxcNet = "/etc/default/lxc-net"

func bridge(_ context.Context, m *Machine) []Finding {
	f := Finding{Check: "bridge", State: OK}
	prefix, first, last, err := m.Probe.Range()
	if err != nil {
		f.State, f.Found = Failed, err.Error()
		if m.Config.Incus() && !prefix.IsValid() {
			f.Remedy = "lxc.bridge is this machine's interface in the network of the cluster's containers: ip address"
		}
		// What the unit of jarloop asks for before it starts the agent.
		if m.Config.LXC.Bridge == "lxcbr0" && !prefix.IsValid() {
			f.Remedy = "sudo systemctl start lxc-net"
			if m.exists("/run/systemd/system") {
				f.fixing = "started lxc-net"
				f.fix = func(ctx context.Context) error { return m.Probe.Start(ctx, "lxc-net") }
			}
		}
		return []Finding{f}
	}
	f.Found = fmt.Sprintf("%s is up with %s", m.Config.LXC.Bridge, prefix)
	if m.Config.LXC.Address == config.AddressStatic {
		f.Found += fmt.Sprintf("; %s-%s is for containers", first, last)
	}
	if want := setting(m.read(lxcNet), "LXC_ADDR"); want != "" && m.Config.LXC.Bridge == "lxcbr0" && want != prefix.Addr().String() {
		f.State = Warning
		f.Found += fmt.Sprintf(", but %s says %s", lxcNet, want)
		f.Remedy = "sudo systemctl restart lxc-net"
	}
	return []Finding{f}
}

// setting gives the value of a shell variable that a file sets.
func setting(text, name string) string {
	value := ""
	for line := range strings.Lines(text) {
		if after, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			value = strings.Trim(after, `"'`)
		}
	}
	return value
}

// interfaces looks whether those that ports are published on are there. A rule about
// one that is not would be taken, and the port be reached by nobody.
func interfaces(_ context.Context, m *Machine) []Finding {
	auto, there, err := m.Probe.Interfaces()
	if err != nil {
		return []Finding{{Check: "interface", State: Failed, Found: err.Error()}}
	}
	others := slices.DeleteFunc(slices.Clone(there), func(name string) bool { return name == loopback || name == m.Config.LXC.Bridge })
	var findings []Finding
	seen := map[string]bool{}
	for _, p := range m.Config.Publishes {
		if seen[p.Interface] {
			continue
		}
		seen[p.Interface] = true
		f := Finding{Check: "interface " + p.Interface, State: OK, Found: "is there"}
		switch {
		case p.Interface == config.AutoInterface && auto == "":
			f.State, f.Found = Failed, fmt.Sprintf("port %d is published on the interface of the default route, and there is none", p.Port)
			f.Remedy = "write one of those there are: interface = " + strings.Join(others, ", ")
		case p.Interface == config.AutoInterface:
			f.Found = "is " + auto + ", that of the default route"
		case !slices.Contains(there, p.Interface):
			f.State, f.Found, f.usage = Failed, fmt.Sprintf("port %d is published on %s, and there is no such interface", p.Port, p.Interface), true
			f.Remedy = "write one of those there are: interface = " + strings.Join(append(others, "or auto for that of the default route"), ", ")
		}
		if name := strings.TrimPrefix(f.Check, "interface "); f.State == OK && name != config.AutoInterface {
			f = m.reachable(f, name, p.Port)
		}
		findings = append(findings, f)
	}
	return findings
}

// loopback is the interface by which nobody comes in.
const loopback = "lo"

// reachable looks whether others come in by an interface that is there.
func (m *Machine) reachable(f Finding, name string, port int) Finding {
	switch {
	case name == loopback || name == m.Config.LXC.Bridge:
		f.State, f.Found = Warning, fmt.Sprintf("no other machine comes in by %s, so that none reaches port %d", name, port)
		f.Remedy = "write that of the default route: interface = " + strconv.Quote(config.AutoInterface)
	case !m.Probe.Address(name).IsValid():
		f.State, f.Found = Warning, fmt.Sprintf("is there and has no IPv4 address, so that nobody reaches port %d by it", port)
		f.Remedy = "sudo ip link set " + name + " up, and give it an address, or write another"
	}
	return f
}

func forward(_ context.Context, m *Machine) []Finding {
	f := Finding{Check: "ip_forward", State: OK, Found: "on"}
	if value := strings.TrimSpace(m.read("/proc/sys/net/ipv4/ip_forward")); value != "1" {
		f.State, f.Found = Warning, "off: no packet gets to a container; run turns it on where it publishes ports"
		f = m.setSysctl(f, "net.ipv4.ip_forward", "1")
	}
	return []Finding{f}
}

func rules(ctx context.Context, m *Machine) []Finding {
	f := Finding{Check: "iptables", State: OK, Found: "no rule of others is in the way"}
	prefix, _, _, err := m.Probe.Range()
	if err != nil && !prefix.IsValid() {
		f.State, f.Found = Warning, "not looked at, since there is no bridge"
		return []Finding{f}
	}
	found, err := m.Probe.Rules(ctx, prefix)
	if err != nil {
		f.State, f.Found = Failed, err.Error()
		return []Finding{f}
	}
	var findings []Finding
	if found.Backends != "" {
		findings = append(findings, Finding{Check: "iptables variants", State: Warning, Found: found.Backends,
			Remedy: "sudo iptables-legacy-save; sudo iptables-nft-save, and remove one's rules"})
	}
	for _, text := range found.Conflicts {
		c := Finding{Check: "iptables nat", State: Warning, Found: text + "; that of jarloop comes first"}
		if _, rule, ok := strings.Cut(text, ": iptables "); ok {
			c.Remedy = "sudo iptables " + strings.Replace(rule, " -A ", " -D ", 1)
		}
		findings = append(findings, c)
	}
	for _, o := range found.Obstacles {
		findings = append(findings, Finding{Check: "firewall", State: Warning, Found: o.Found, Remedy: o.Remedy})
	}
	if len(findings) == 0 {
		findings = append(findings, f)
	}
	return findings
}

// dhcp compares the addresses that we lease with those that the bridge's
// dnsmasq leases. Both may be in one range, since leases of that are passed
// over; but it may run out, and dnsmasq asks nobody before it leases.
func dhcp(_ context.Context, m *Machine) []Finding {
	f := Finding{Check: "addresses", State: OK}
	if m.Config.LXC.Address == config.AddressDHCP {
		f.Found = "given by the bridge's own DHCP server"
		return []Finding{f}
	}
	prefix, first, last, err := m.Probe.Range()
	if err != nil {
		f.State, f.Found = Warning, "not looked at, since there is no bridge or range"
		return []Finding{f}
	}
	arguments := m.dnsmasq(m.Config.LXC.Bridge)
	low, high, known := network.DHCPRange([]byte(arguments))
	switch {
	case arguments == "":
		f.Found = fmt.Sprintf("%s-%s are ours alone: no dnsmasq of LXC runs on %s", first, last, m.Config.LXC.Bridge)
	case !known:
		f.Found = fmt.Sprintf("%s-%s are ours alone: the bridge's dnsmasq leases none", first, last)
	case !network.Overlaps(first, last, low, high):
		f.Found = fmt.Sprintf("%s-%s are ours, %s-%s the bridge's DHCP server's", first, last, low, high)
	default:
		f.State = Warning
		f.Found = fmt.Sprintf("%s-%s are ours, but the bridge's DHCP server leases %s-%s; what it has leased is passed over, "+
			"what it will lease may be taken", first, last, low, high)
		f.Remedy = "leave lxc.range out, or move it"
		begin := prefix.Masked().Addr().Next()
		if begin == prefix.Addr() {
			begin = begin.Next()
		}
		if begin.Less(first) {
			f.Remedy = fmt.Sprintf(`echo 'LXC_DHCP_RANGE="%s,%s"' | sudo tee -a %s && sudo systemctl restart lxc-net`, begin, first.Prev(), lxcNet)
		}
	}
	return []Finding{f}
}

// dnsmasq gives the arguments of the dnsmasq that serves a bridge, separated
// by NUL; "" if none runs.
func (m *Machine) dnsmasq(bridge string) string {
	files, err := filepath.Glob(m.path("/proc/[0-9]*/cmdline"))
	if err != nil {
		return ""
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		words := strings.Split(string(text), "\x00")
		if filepath.Base(words[0]) == "dnsmasq" && slices.Contains(words, "--interface="+bridge) {
			return string(text)
		}
	}
	return ""
}

// public says whether others than the VM itself may reach what listens there.
func public(a netip.Addr) bool { return !a.IsLoopback() }
