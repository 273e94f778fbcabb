package host

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/network"
)

func newNetwork(t *testing.T, more string) *Network {
	t.Helper()
	n, err := NewNetwork(configuration(t, more), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func TestAContainersNetworkIsWrittenIntoItsConfiguration(t *testing.T) {
	onVM(t, func(t *testing.T) {
		n := newNetwork(t, "")
		addr, err := n.Lease(t.Context(), "web-3")
		if err != nil || addr != netip.MustParsePrefix("10.0.3.128/24") {
			t.Errorf("leased is %s, %v", addr, err)
		}
		want := []string{
			"lxc.net.0.type = veth", "lxc.net.0.link = jltbr0", "lxc.net.0.flags = up",
			"lxc.sysctl.net.ipv4.ip_local_port_range = 10240 60999", "lxc.sysctl.net.ipv4.tcp_tw_reuse = 1",
			"lxc.net.0.hwaddr = 02:6a:0a:00:03:80",
			"lxc.net.0.ipv4.address = 10.0.3.128/24", "lxc.net.0.ipv4.gateway = 10.0.3.1",
		}
		if got := n.Items(addr); !slices.Equal(got, want) {
			t.Errorf("items %q, want %q", got, want)
		}
		if got := n.Nameserver(); got != netip.MustParseAddr("10.0.3.1") {
			t.Errorf("names are asked of %s", got)
		}
	})
}

func TestWithDHCPTheBridgeSaysIt(t *testing.T) {
	onVM(t, func(t *testing.T) {
		n := newNetwork(t, `address = "dhcp"`)
		addr, err := n.Lease(t.Context(), "web-3")
		if err != nil || addr.IsValid() {
			t.Errorf("leased is %s, %v", addr, err)
		}
		want := []string{
			"lxc.net.0.type = veth", "lxc.net.0.link = jltbr0", "lxc.net.0.flags = up",
			"lxc.sysctl.net.ipv4.ip_local_port_range = 10240 60999", "lxc.sysctl.net.ipv4.tcp_tw_reuse = 1",
		}
		if got := n.Items(addr); !slices.Equal(got, want) {
			t.Errorf("items %q, want %q", got, want)
		}
		if got := n.Nameserver(); got.IsValid() {
			t.Errorf("names are asked of %s", got)
		}
		// What DHCP has given is held all the same, inside the range or not.
		for container, addr := range map[string]string{"web-3": "10.0.3.57", "web-4": "192.0.2.7"} {
			if err := n.Hold(container, netip.MustParseAddr(addr)); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestNoAddressIsLeasedOfASubnetThatTheBridgeHasLeft(t *testing.T) {
	onVM(t, func(t *testing.T) {
		n := newNetwork(t, "")
		run(t, "ip", "addr", "add", "10.0.9.1/24", "dev", bridge)
		if _, err := n.Lease(t.Context(), "web-1"); err != nil {
			t.Errorf("beside another: %v", err)
		}
		run(t, "ip", "addr", "del", "10.0.3.1/24", "dev", bridge)
		_, err := n.Lease(t.Context(), "web-2")
		if err == nil || !strings.Contains(err.Error(), "is 10.0.9.1/24 by now, and was 10.0.3.1/24: start jarloop anew") {
			t.Errorf("leased: %v", err)
		}
	})
}

func TestAddressesComeFromTheConfiguredRange(t *testing.T) {
	onVM(t, func(t *testing.T) {
		n := newNetwork(t, `range = "10.0.3.20-10.0.3.21"`)
		if err := n.Hold("person-1", netip.MustParseAddr("10.0.3.20")); err != nil {
			t.Fatal(err)
		}
		if addr, err := n.Lease(t.Context(), "web-1"); err != nil || addr != netip.MustParsePrefix("10.0.3.21/24") {
			t.Errorf("leased is %s, %v", addr, err)
		}
		if _, err := n.Lease(t.Context(), "web-2"); !errors.Is(err, network.ErrExhausted) {
			t.Errorf("one too many: %v", err)
		}
		n.Release("web-1")
		if addr, err := n.Lease(t.Context(), "web-2"); err != nil || addr != netip.MustParsePrefix("10.0.3.21/24") {
			t.Errorf("leased is %s, %v", addr, err)
		}
	})
}

func TestANetworkThatCannotBe(t *testing.T) {
	onVM(t, func(t *testing.T) {
		run(t, "ip", "link", "add", "jltdown0", "type", "bridge")
		for _, c := range []struct{ name, more, bridge, want string }{
			{"without its bridge", "", "jltnone0", "look for bridge jltnone0 (if it is LXC's own: sudo systemctl start lxc-net): route ip+net: no such network interface"},
			{"with its bridge down", "", "jltdown0", "bridge jltdown0 is down (if it is LXC's own: sudo systemctl start lxc-net)"},
			{"with a range outside the bridge's subnet", `range = "10.0.4.20-10.0.4.21"`, bridge,
				"lxc.range 10.0.4.20-10.0.4.21: 10.0.4.20 cannot be used in the bridge's subnet 10.0.3.0/24; choose addresses inside it, or leave lxc.range out"},
		} {
			c2 := configuration(t, c.more)
			c2.LXC.Bridge = c.bridge
			n, err := NewNetwork(c2, func(string) {})
			if n != nil || err == nil || err.Error() != c.want {
				t.Errorf("%s:\ngot  %v\nwant %s", c.name, err, c.want)
			}
		}
	})
}

func TestRulesAreMadeAndRemovedAndThoseOfOthersStay(t *testing.T) {
	onVM(t, func(t *testing.T) {
		run(t, "iptables", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "9999", "-j", "REDIRECT", "--to-ports", "9998")
		run(t, "iptables", "-A", "FORWARD", "-s", "192.0.2.9", "-j", "DROP")
		before := rules(t)
		n := newNetwork(t, "")
		var ports deployer.Network = n
		targets := map[string]netip.AddrPort{"web": netip.MustParseAddrPort("10.0.3.131:8080")}
		if err := ports.SetPorts(t.Context(), targets, nil); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(rules(t), func(r string) bool { return strings.HasSuffix(r, "--to-destination 10.0.3.131:8080") }) {
			t.Errorf("no rule leads to the target: %q", rules(t))
		}
		made := rules(t)
		if repaired, err := ports.RepairPorts(t.Context(), targets, nil); err != nil || repaired {
			t.Errorf("nothing was to be repaired: %t, %v", repaired, err)
		}
		run(t, "iptables", "-t", "nat", "-F", "JARLOOP")
		if repaired, err := ports.RepairPorts(t.Context(), targets, nil); err != nil || !repaired || !slices.Equal(rules(t), made) {
			t.Errorf("repaired: %t, %v: %q", repaired, err, rules(t))
		}
		c := configuration(t, "")
		c.LXC.Bridge = "jltgone0" // it needs none
		for range 2 {             // and to find none of ours is no error
			if err := RemoveRules(t.Context(), c); err != nil {
				t.Error(err)
			}
			if after := rules(t); !slices.Equal(after, before) {
				t.Errorf("rules are %q, were %q", after, before)
			}
		}
	})
}

// rules gives all rules, in order, without counters, and without
// the lines of tables and chains that hold nothing.
func rules(t *testing.T) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(run(t, "iptables-save")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "-") || strings.HasPrefix(line, ":JARLOOP") {
			all = append(all, line)
		}
	}
	return all
}

func TestNamesAreWrittenIntoARoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to write as the container's owner")
	}
	m := NewMachine(configuration(t, ""), nil)
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/etc/hosts", "127.0.0.1 localhost\n")
	init := process(t, dir)
	root, err := m.Root(init)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	names := map[string]netip.Addr{"person": netip.MustParseAddr("10.0.3.140")}
	for _, want := range []bool{true, false} { // the second time they are there
		if changed, err := (&Network{}).SetNames(root, names); err != nil || changed != want {
			t.Errorf("changed: %t, %v; want %t", changed, err, want)
		}
	}
	text, err := os.ReadFile(dir + "/etc/hosts")
	if err != nil || !strings.HasPrefix(string(text), "127.0.0.1 localhost\n") || !strings.Contains(string(text), "10.0.3.140") || strings.Count(string(text), "person") != 1 {
		t.Errorf("the hosts file is %q, %v", text, err)
	}
}
