package lxc

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/deployer/guest"
)

// config is the configuration of an instance, over what comes from its base.
func (e *Engine) config(name string, init guest.Init, address netip.Prefix) []string {
	return append([]string{
		"lxc.uts.name = " + name,
		"lxc.start.auto = 0", // the agent starts it, when it knows that it shall run
		"lxc.signal.halt = " + init.HaltSignal(),
		"lxc.log.file = " + filepath.Join(e.disk.folder(name), "lxc.log"),
		"lxc.log.level = ERROR",
		"lxc.mount.entry = " + mountSource(e.disk.kept(name).Reports()) + " " +
			strings.TrimPrefix(guest.Reports, "/") + " none bind,create=dir 0 0",
		e.disk.sharedMount(),
	}, interfaceConfig(e.Bridge, e.Gateway, address)...)
}

// mountSource is a path as a mount entry wants it (fstab(5)).
func mountSource(name string) string {
	return strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(name)
}

const addressKey = "lxc.net.0.ipv4.address"

// interfaceConfig is the configuration of an instance's network interface. Without
// an address it asks by DHCP.
func interfaceConfig(bridge string, gateway netip.Addr, address netip.Prefix) []string {
	items := []string{
		"lxc.net.0.type = veth", "lxc.net.0.link = " + bridge, "lxc.net.0.flags = up",
		// All connections to a service go to one address. With the kernel's
		// own range and ports resting for a minute, 250 a second used them up,
		// and each further one cost a search (seen with nginx in front).
		"lxc.sysctl.net.ipv4.ip_local_port_range = 10240 60999",
		"lxc.sysctl.net.ipv4.tcp_tw_reuse = 1",
	}
	if !address.IsValid() {
		return items
	}
	items = append(items, "lxc.net.0.hwaddr = "+hardware(address.Addr()), addressKey+" = "+address.String())
	if gateway.IsValid() {
		items = append(items, "lxc.net.0.ipv4.gateway = "+gateway.String())
	}
	return items
}

// hardware gives the MAC address that goes with an IPv4 address, always the
// same. Whoever has talked to the instance that had the address before
// remembers that one's MAC address, and would go on sending there for nine
// seconds (arp(7): delay_first_probe_time, then ucast_solicit).
func hardware(addr netip.Addr) string {
	b := addr.As4()
	return net.HardwareAddr{0x02, 'j', b[0], b[1], b[2], b[3]}.String() // 02: locally administered
}

// staticAddress gives the address that a container's configuration says; the
// zero Addr where it says none.
func staticAddress(config string) netip.Addr {
	text, _ := os.ReadFile(config) // one that is not there says nothing
	for _, value := range values(text, addressKey) {
		if prefix, err := netip.ParsePrefix(value); err == nil {
			return prefix.Addr()
		}
	}
	return netip.Addr{}
}
