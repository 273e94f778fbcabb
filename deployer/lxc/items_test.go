//go:build cgo

package lxc

import (
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer/guest"
)

func TestWhatAnInstanceIsConfiguredWith(t *testing.T) {
	gateway := netip.MustParseAddr("10.0.3.1")
	e := &Engine{Options: Options{Bridge: "lxcbr0", Gateway: gateway}, disk: disk{"/var/lib/lxc", "/var/lib/my logs"}}
	own := []string{
		"lxc.uts.name = web-3", "lxc.start.auto = 0", "lxc.signal.halt = SIGRTMIN+3",
		"lxc.log.file = /var/lib/lxc/web-3/lxc.log", "lxc.log.level = ERROR",
		`lxc.mount.entry = /var/lib/my\040logs/web/3/reports var/log/jarloop none bind,create=dir 0 0`,
		"lxc.mount.entry = /var/lib/lxc/.jarloop-shared var/lib/jarloop/shared none bind,ro,create=dir 0 0",
		"lxc.net.0.type = veth", "lxc.net.0.link = lxcbr0", "lxc.net.0.flags = up",
		"lxc.sysctl.net.ipv4.ip_local_port_range = 10240 60999", "lxc.sysctl.net.ipv4.tcp_tw_reuse = 1",
	}
	if diff := cmp.Diff(own, e.config("web-3", guest.Systemd, netip.Prefix{})); diff != "" {
		t.Errorf("with DHCP (-want +got):\n%s", diff)
	}
	static := append(slices.Clone(own), "lxc.net.0.hwaddr = 02:6a:0a:00:03:80",
		"lxc.net.0.ipv4.address = 10.0.3.128/24", "lxc.net.0.ipv4.gateway = 10.0.3.1")
	got := e.config("web-3", guest.Systemd, netip.MustParsePrefix("10.0.3.128/24"))
	if diff := cmp.Diff(static, got); diff != "" {
		t.Errorf("with an address (-want +got):\n%s", diff)
	}
	config := filepath.Join(t.TempDir(), "config")
	writeFile(t, config, withItems("lxc.arch = amd64\n", got))
	if addr := staticAddress(config); addr != netip.MustParseAddr("10.0.3.128") {
		t.Errorf("read back the address is %s", addr)
	}
	writeFile(t, config, withItems("lxc.arch = amd64\n", own))
	for _, file := range []string{config, config + ".none"} {
		if addr := staticAddress(file); addr.IsValid() {
			t.Errorf("of %s the address is %s", file, addr)
		}
	}
}
