package network

import (
	"net/netip"
	"strings"
	"testing"
)

func TestDefaultRange(t *testing.T) {
	for bridge, want := range map[string]string{
		"10.0.3.1/24":   "10.0.3.128-10.0.3.253",
		"10.0.0.1/16":   "10.0.128.0-10.0.255.253",
		"10.0.3.17/28":  "10.0.3.24-10.0.3.29",
		"10.0.3.1/29":   "10.0.3.4-10.0.3.5",
		"10.0.3.1/30":   "10.0.3.2-10.0.3.2",
		"128.0.0.1/0":   "128.0.0.0-255.255.255.253",
		"192.168.9.9/9": "192.192.0.0-192.255.255.253",
	} {
		first, last, err := DefaultRange(netip.MustParsePrefix(bridge))
		if got := first.String() + "-" + last.String(); err != nil || got != want {
			t.Errorf("%s gives %s, %v; want %s", bridge, got, err, want)
		}
	}
}

func TestASubnetWithoutRoomForContainersIsNamed(t *testing.T) {
	for bridge, says := range map[string][]string{
		"10.0.3.1/31": {"subnet 10.0.3.0/31 ", "no address to spare", "LXC_NETMASK", "/etc/default/lxc-net"},
		"10.0.3.1/32": {"subnet 10.0.3.1/32 ", "no address to spare", "LXC_NETMASK", "/etc/default/lxc-net"},
		"fe80::1/64":  {"fe80::1/64", "not one of IPv4"},
	} {
		first, last, err := DefaultRange(netip.MustParsePrefix(bridge))
		if err == nil || first.IsValid() || last.IsValid() {
			t.Errorf("%s gives %s-%s, %v", bridge, first, last, err)
			continue
		}
		for _, say := range says {
			if !strings.Contains(err.Error(), say) {
				t.Errorf("%s: %q does not say %q", bridge, err, say)
			}
		}
	}
}

func TestBridgePrefixGivesTheRemedyForAMissingBridge(t *testing.T) {
	_, err := BridgePrefix("jlt-missing")
	if err == nil || !strings.Contains(err.Error(), "jlt-missing") || !strings.Contains(err.Error(), "sudo systemctl start lxc-net") {
		t.Error(err)
	}
}

func TestLeases(t *testing.T) {
	got := parseLeases([]byte("1700000000 00:16:3e:aa:bb:cc 10.0.3.57 web 01:00:16:3e:aa:bb:cc\n" +
		"0 00:16:3e:aa:bb:cd 10.0.3.58 * *\n\nduid 00:01:00:01\n1700000000 1 fd00::5 six 00:01\n1700000000 00:16:3e:aa:bb:ce 10.0.3.5"))
	if len(got) != 2 || got[netip.MustParseAddr("10.0.3.57")] != "web" || got[netip.MustParseAddr("10.0.3.58")] != "*" {
		t.Errorf("%v", got)
	}
}

func TestDHCPRange(t *testing.T) {
	for text, want := range map[string]string{
		"USE_LXC_BRIDGE=\"true\"\n":                                             "",
		"LXC_DHCP_RANGE=\"10.0.3.2,10.0.3.254\"\n":                              "10.0.3.2-10.0.3.254",
		"  export LXC_DHCP_RANGE='10.0.3.2,10.0.3.254'  # all\n":                "10.0.3.2-10.0.3.254",
		"#LXC_DHCP_RANGE=\"10.0.3.2,10.0.3.254\"\n":                             "",
		"LXC_DHCP_RANGE=10.0.3.2,10.0.3.9\nLXC_DHCP_RANGE=10.0.3.2,10.0.3.99\n": "10.0.3.2-10.0.3.99",
		"LXC_DHCP_RANGE=\"\"\n":                                                 "",
		"LXC_DHCP_RANGE=10.0.3.2\n":                                             "",
		"dhcp-range=set:lan,10.0.3.50,10.0.3.150,255.255.255.0,12h\n":           "10.0.3.50-10.0.3.150",
		"dnsmasq --strict-order --dhcp-range 10.0.3.2,10.0.3.254 --dhcp-lease-max=253 --dhcp-range=fc42::1,ra-only": "10.0.3.2-10.0.3.254",
		"dnsmasq\x00--dhcp-range=10.0.3.2,10.0.3.254,1h\x00--conf-file=\x00":                                        "10.0.3.2-10.0.3.254",
		"dnsmasq\x00-F\x0010.0.3.2,10.0.3.254\x00":                                                                  "10.0.3.2-10.0.3.254",
		"dnsmasq --dhcp-range": "",
	} {
		first, last, ok := DHCPRange([]byte(text))
		got := ""
		if ok {
			got = first.String() + "-" + last.String()
		}
		if got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestOverlaps(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"10.0.3.2-10.0.3.127", "10.0.3.128-10.0.3.253", false},
		{"10.0.3.2-10.0.3.128", "10.0.3.128-10.0.3.253", true},
		{"10.0.3.2-10.0.3.254", "10.0.3.128-10.0.3.253", true},
	} {
		ends := func(s string) (netip.Addr, netip.Addr) {
			first, last, _ := strings.Cut(s, "-")
			return netip.MustParseAddr(first), netip.MustParseAddr(last)
		}
		f1, l1 := ends(c.a)
		f2, l2 := ends(c.b)
		if Overlaps(f1, l1, f2, l2) != c.want || Overlaps(f2, l2, f1, l1) != c.want {
			t.Errorf("%s and %s: want %v", c.a, c.b, c.want)
		}
	}
}

func TestARangeThatTheBridgeCannotHaveIsRefused(t *testing.T) {
	bridge := netip.MustParsePrefix("10.0.3.1/24")
	for _, c := range []struct{ name, first, last, want string }{
		{"the upper half is inside", "10.0.3.128", "10.0.3.254", ""},
		{"another subnet is not", "10.0.4.1", "10.0.4.9",
			"lxc.range 10.0.4.1-10.0.4.9: 10.0.4.1 cannot be used in the bridge's subnet 10.0.3.0/24; choose addresses inside it, or leave lxc.range out"},
		{"the broadcast address is not usable", "10.0.3.1", "10.0.3.255",
			"lxc.range 10.0.3.1-10.0.3.255: 10.0.3.255 cannot be used in the bridge's subnet 10.0.3.0/24; choose addresses inside it, or leave lxc.range out"},
		{"nor is the subnet's own", "10.0.3.0", "10.0.3.9",
			"lxc.range 10.0.3.0-10.0.3.9: 10.0.3.0 cannot be used in the bridge's subnet 10.0.3.0/24; choose addresses inside it, or leave lxc.range out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := checkRange(bridge, netip.MustParseAddr(c.first), netip.MustParseAddr(c.last)); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
