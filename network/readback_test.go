package network

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// What the rules and the hosts files say, read back: the program writes them, and
// never has to ask them what is live.

// targets reads from the rules where each service that has a target is.
func (a *agent) targets(ctx context.Context) (map[string]netip.AddrPort, error) {
	have, err := a.kernel.rules(ctx)
	if err != nil {
		return nil, fmt.Errorf("read where the ports go: %w", err)
	}
	return readTargets(have), nil
}

// vips reads from the rules the virtual IP of each service that has one, whether
// or not it has a target.
func (a *agent) vips(ctx context.Context) (map[string]netip.Addr, error) {
	have, err := a.kernel.rules(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the virtual IPs: %w", err)
	}
	return readServices(have).VIPs, nil
}

// readTargets gives, by service, where the rules point. The virtual IP counts,
// then the lower of two ports.
func readTargets(have tables) map[string]netip.AddrPort {
	targets, ports := map[string]netip.AddrPort{}, map[string]uint64{}
	for service, t := range readServices(have).Targets {
		targets[service], ports[service] = t, 0
	}
	for name, rules := range chainsOf(have["nat"]) {
		port, err := strconv.ParseUint(strings.TrimPrefix(name, ownChain+"-"), 10, 16)
		if err != nil || !ours(name) {
			continue
		}
		for _, r := range rules {
			service, marked := strings.CutPrefix(r.comment(), "jarloop: ")
			t, err := netip.ParseAddrPort(r.after("--to-destination"))
			if !marked || !isLabel(service) || err != nil || r.target() != "DNAT" {
				continue
			}
			if lower, ok := ports[service]; !ok || port < lower {
				targets[service], ports[service] = t, port
			}
			break
		}
	}
	return targets
}

func chainsOf(t *table) map[string][]rule {
	if t == nil {
		return nil
	}
	return t.rules
}

// readServices gives, by service, the virtual IPs that the rules know and where
// they point. Where a call was cut off between the two chains, that in nat counts.
func readServices(have tables) deployer.Routes {
	w := deployer.Routes{Targets: map[string]netip.AddrPort{}, VIPs: map[string]netip.Addr{}}
	for _, r := range slices.Concat(have["filter"].in(selfChain), have["nat"].in(vipChain)) {
		note, marked := strings.CutPrefix(r.comment(), "jarloop: ")
		service, portText, _ := strings.Cut(note, portNote)
		addr, err := netip.ParseAddr(strings.TrimSuffix(r.after("-d"), "/32"))
		if !marked || !isLabel(service) || err != nil {
			continue
		}
		w.VIPs[service] = addr
		port, err1 := strconv.ParseUint(portText, 10, 16)
		to, err2 := netip.ParseAddr(r.after("--to-destination"))
		if r.target() == "DNAT" && err1 == nil && err2 == nil {
			w.Targets[service] = netip.AddrPortFrom(to, uint16(port))
		}
	}
	return w
}

// namesIn gives the names that the marked block of a hosts file holds. Where a
// name stands twice, the first line counts, as it does for a resolver.
func namesIn(content []byte) map[string]netip.Addr {
	names := map[string]netip.Addr{}
	lines := bytes.SplitAfter(content, []byte("\n"))
	for _, b := range findBlocks(lines) {
		for _, line := range lines[b.from:b.to] {
			text, _, _ := strings.Cut(string(line), "#")
			fields := strings.Fields(text)
			if len(fields) == 0 {
				continue
			}
			addr, err := netip.ParseAddr(fields[0])
			if err != nil {
				continue
			}
			for _, name := range fields[1:] {
				if _, twice := names[name]; !twice {
					names[name] = addr
				}
			}
		}
	}
	return names
}
