package network

import (
	"bufio"
	"bytes"
	"net/netip"
	"strings"
)

// leasesFile is where the dnsmasq that LXC starts for a bridge keeps its
// leases (lxc-net, --dhcp-leasefile).
func leasesFile(bridge string) string { return "/var/lib/misc/dnsmasq." + bridge + ".leases" }

// parseLeases gives the IPv4 addresses in a lease file of dnsmasq, with the name
// of the host that has each ("*" where it gave none). Leases that have run out
// are given too: dnsmasq drops those itself, and the clock may be wrong.
//
//	1700000000 00:16:3e:aa:bb:cc 10.0.3.57 web 01:00:16:3e:aa:bb:cc
func parseLeases(content []byte) map[netip.Addr]string {
	leases := map[netip.Addr]string{}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			continue // "duid …", or a line that is being written
		}
		if addr, err := netip.ParseAddr(fields[2]); err == nil && addr.Is4() {
			leases[addr] = fields[3]
		}
	}
	return leases
}

// DHCPRange finds the range that a bridge's dnsmasq leases addresses from. The
// text is that of /etc/default/lxc-net (LXC_DHCP_RANGE="10.0.3.2,10.0.3.254"),
// of a configuration of dnsmasq, or the arguments of a running one, separated
// by blanks or, as in /proc/PID/cmdline, by NUL. Of several the last counts.
// ok is false if there is none, where lxc-net takes 10.0.3.2 to 10.0.3.254.
func DHCPRange(text []byte) (first, last netip.Addr, ok bool) {
	lines := bufio.NewScanner(bytes.NewReader(bytes.ReplaceAll(text, []byte{0}, []byte{' '})))
	for lines.Scan() {
		line, _, _ := strings.Cut(" "+strings.TrimSpace(lines.Text()), " #")
		words := strings.Fields(line)
		for i, word := range words {
			value := ""
			switch key, after, given := strings.Cut(word, "="); {
			case given && (key == "LXC_DHCP_RANGE" || strings.TrimLeft(key, "-") == "dhcp-range"):
				value = after
			case !given && (key == "--dhcp-range" || key == "-F") && i+1 < len(words):
				value = words[i+1]
			}
			if f, l, valid := parseRange(value); valid {
				first, last, ok = f, l, true
			}
		}
	}
	return first, last, ok
}

// parseRange takes the first two addresses out of dnsmasq's
// [tag:…,|set:…,]first,last[,netmask][,time].
func parseRange(value string) (first, last netip.Addr, ok bool) {
	parts := strings.Split(strings.Trim(value, `"'`), ",")
	for len(parts) > 0 && strings.Contains(parts[0], ":") && !isAddr(parts[0]) {
		parts = parts[1:]
	}
	if len(parts) < 2 || !isAddr(parts[0]) || !isAddr(parts[1]) {
		return netip.Addr{}, netip.Addr{}, false
	}
	first, last = netip.MustParseAddr(parts[0]), netip.MustParseAddr(parts[1])
	return first, last, first.Is4() && last.Is4()
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// Overlaps says whether two ranges of addresses, ends included, have one in
// common.
func Overlaps(first1, last1, first2, last2 netip.Addr) bool {
	return !last1.Less(first2) && !last2.Less(first1)
}
