package base

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// haltSystemd is the signal on which systemd powers off, systemd(1).
const haltSystemd = "SIGRTMIN+3"

// settings are what a base's LXC configuration says; clones get a copy of it.
type settings struct {
	container string
	rootfs    string // with its kind: "dir:/…"
	bridge    string // no network if it is empty
	halt      string // liblxc's guess if it is empty
	apparmor  string // none if it is empty
	first     int    // the host's ID of root; privileged if it is 0
}

// untemplated begins the configuration of a base that no template made, of the
// distribution called name. arch is left out if it is empty; exists says which
// files are there.
func untemplated(name, arch string, exists func(string) bool) string {
	include := includes + name + ".common.conf"
	if !exists(include) {
		include = includes + "common.conf"
	}
	text := "lxc.include = " + include + "\n"
	if arch != "" {
		text += "lxc.arch = " + arch + "\n"
	}
	return text + "lxc.autodev = 1\n" +
		"lxc.tty.max = 0\n" // no getty runs: see rootfs/scripts/shape.sh
}

// includes is where LXC keeps what it knows of distributions.
const includes = "/usr/share/lxc/config/"

// archs has LXC's words for Go's architectures.
var archs = map[string]string{
	"amd64": "x86_64", "386": "i686", "arm64": "aarch64", "arm": "armhf", "ppc64le": "ppc64le", "s390x": "s390x",
}

// adapt gives the configuration that a template wrote, with our lines for its
// name, root, network and confinement, and without what must not be the same in
// every clone: logs, addresses, a start at boot.
func (s settings) adapt(text string) string {
	drop := []string{"lxc.uts.name", "lxc.rootfs.path", "lxc.net.", "lxc.apparmor.", "lxc.log.", "lxc.console.logfile",
		"lxc.start.", "lxc.hook.clone", "lxc.idmap"}
	if s.halt != "" {
		drop = append(drop, "lxc.signal.halt")
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if slices.ContainsFunc(drop, func(d string) bool { return strings.HasPrefix(key, d) }) {
			continue
		}
		b.WriteString(strings.TrimRight(line, "\n") + "\n")
	}
	// An empty value of a hook or of lxc.net clears what the includes said,
	// so ours come last; lxc.container.conf(5).
	return b.String() + strings.Join(s.own(), "\n") + "\n"
}

// own gives the items that every base has.
func (s settings) own() []string {
	items := []string{
		"lxc.uts.name = " + s.container,
		"lxc.rootfs.path = " + s.rootfs,
		// Debian's common.conf runs an unanchored sed over the clone's
		// /etc/hosts here.
		"lxc.hook.clone =",
		"lxc.log.level = WARN",
	}
	items = append(items, s.mapped()...)
	if s.halt != "" {
		items = append(items, "lxc.signal.halt = "+s.halt)
	}
	if s.apparmor != "" {
		items = append(items, "lxc.apparmor.profile = "+s.apparmor)
	}
	if s.apparmor == "generated" {
		// systemd mounts for its units' own sakes.
		items = append(items, "lxc.apparmor.allow_nesting = 1")
	}
	items = append(items, "lxc.net =")
	if s.bridge == "" {
		return append(items, "lxc.net.0.type = empty")
	}
	return append(items,
		"lxc.net.0.type = veth",
		"lxc.net.0.link = "+s.bridge,
		"lxc.net.0.flags = up",
		// Each clone gets digits of its own for these, and keeps them over
		// its restarts, so that neighbours need not learn a new address.
		"lxc.net.0.hwaddr = 00:16:3e:xx:xx:xx",
	)
}

// mapped gives the items that put clones into a user namespace.
func (s settings) mapped() []string {
	if s.first == 0 {
		return nil
	}
	items := []string{
		"lxc.include = " + includes + "userns.conf",
		// That takes back what common.conf drops, for containers in containers.
		"lxc.cap.drop = mac_admin mac_override sys_time sys_module sys_rawio",
	}
	for _, kind := range []string{"u", "g"} {
		items = append(items, fmt.Sprintf("lxc.idmap = %s 0 %d %d", kind, s.first, rootfs.IDs))
	}
	return items
}

// profile gives the AppArmor profile for the base's clones, "" on a host
// without AppArmor.
func profile() string {
	if !onDisk("/sys/kernel/security/apparmor") {
		return ""
	}
	// liblxc writes and loads the profile with it.
	if _, err := tool.Find("apparmor_parser"); err != nil {
		return "unconfined"
	}
	return "generated"
}
