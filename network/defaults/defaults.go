// Package defaults makes a network namespace for tests what a kernel begins with:
// a new one has the settings of IPv4 of the machine that it is made on
// (net.core.devconf_inherit_init_net), which may forward packets, or filter them by
// their way back.
package defaults

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// setting is one below /proc/sys/net with the kernel's default (ipv4_devconf in
// net/ipv4/devinet.c, tcp_timeouts in nf_conntrack_proto_tcp.c). ip_forward is the
// first, since to write it sets others.
type setting struct{ name, value string }

func settings() (all []setting) {
	all = []setting{{"ipv4/ip_forward", "0"}}
	for _, of := range []string{"all", "default", "lo"} { // new interfaces are like default
		for _, s := range []setting{
			{"forwarding", "0"}, {"route_localnet", "0"}, {"accept_local", "0"}, {"rp_filter", "0"}, {"src_valid_mark", "0"},
			{"accept_redirects", "1"}, {"secure_redirects", "1"}, {"send_redirects", "1"}, {"shared_media", "1"},
			{"arp_accept", "0"}, {"arp_announce", "0"}, {"arp_filter", "0"}, {"arp_ignore", "0"}, {"arp_notify", "0"},
			{"proxy_arp", "0"}, {"proxy_arp_pvlan", "0"}, {"promote_secondaries", "0"}, {"log_martians", "0"},
		} {
			all = append(all, setting{"ipv4/conf/" + of + "/" + s.name, s.value})
		}
	}
	return append(all, setting{"netfilter/nf_conntrack_tcp_timeout_close", "10"})
}

// Set sets the namespace of the calling thread. It has to come before interfaces
// are made.
func Set() error {
	var errs error
	for _, s := range settings() {
		err := os.WriteFile(filepath.Join("/proc/sys/net", s.name), []byte(s.value), 0)
		if !errors.Is(err, fs.ErrNotExist) { // of another kernel, or a module that is not loaded
			errs = errors.Join(errs, err)
		}
	}
	return errs
}

// Script is Set for a shell.
func Script() string {
	var b strings.Builder
	for _, s := range settings() {
		fmt.Fprintf(&b, "[ ! -e /proc/sys/net/%[1]s ] || echo %[2]s >/proc/sys/net/%[1]s\n", s.name, s.value)
	}
	return b.String()
}
