package doctor

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

func root(_ context.Context, m *Machine) []Finding { return []Finding{Root(m.User)} }

// Root says whether a user can make containers and rules.
func Root(user int) Finding {
	if user != 0 {
		return Finding{Check: "root", State: Failed, Found: "containers and rules need root", Remedy: "run it with sudo"}
	}
	return Finding{Check: "root", State: OK, Found: "runs as root"}
}

// features are what the kernel must have, by module and option.
var features = []struct{ module, option, purpose string }{
	{"overlay", "CONFIG_OVERLAY_FS", "clones that cost nothing"},
	{"bridge", "CONFIG_BRIDGE", "the network of the containers"},
	{"veth", "CONFIG_VETH", "their interfaces"},
}

func kernel(_ context.Context, m *Machine) []Finding {
	var findings []Finding
	release := strings.TrimSpace(m.read("/proc/sys/kernel/osrelease"))
	for _, feature := range features {
		f := Finding{Check: "kernel " + feature.module, State: OK}
		switch where := m.feature(feature.module, feature.option, release); {
		case where != "" && where != unset:
			f.Found = where
		case feature.module == "overlay" && m.Config.LXC.Backing != config.BackingAuto && m.Config.LXC.Backing != config.BackingOverlay:
			f.Found = "not there, and not needed with backing = " + strconv.Quote(m.Config.LXC.Backing)
		case where == unset:
			f.State = Failed
			f.Found = fmt.Sprintf("the kernel %s is built without it: %s", release, feature.purpose)
			f.Remedy = "sudo apt-get install linux-image-$(dpkg --print-architecture), and boot that"
		default:
			f.State = Warning
			f.Found = "neither loaded nor among the modules of this kernel: " + feature.purpose
			f.Remedy = "sudo modprobe " + feature.module
		}
		findings = append(findings, f)
	}
	return findings
}

const unset = "unset"

// feature says where a feature is, unset if the kernel has none, and "" if that is
// not known. A module that is built in need not be in /sys/module.
func (m *Machine) feature(module, option, release string) string {
	if m.exists("/sys/module/" + module) {
		return "loaded"
	}
	filesystem := regexp.MustCompile(`(?m)^(nodev)?\t` + module + `$`)
	if filesystem.MatchString(m.read("/proc/filesystems")) {
		return "loaded"
	}
	for _, list := range []string{"modules.builtin", "modules.dep"} {
		file := regexp.MustCompile(`(?m)/` + module + `\.ko`)
		if file.MatchString(m.read("/lib/modules/" + release + "/" + list)) {
			return "a module, loaded when it is needed"
		}
	}
	switch m.option(option, release) {
	case "y":
		return "built in"
	case "m": // which is then missing from /lib/modules
		return ""
	case "n":
		return unset
	}
	return ""
}

// option gives the value of an option that the kernel was built with: y, m, n,
// or "" if that is not known.
func (m *Machine) option(option, release string) string {
	var text io.Reader
	if f, err := os.Open(m.path("/proc/config.gz")); err == nil {
		defer f.Close()
		if text, err = gzip.NewReader(f); err != nil {
			return ""
		}
	} else if f, err := os.Open(m.path("/boot/config-" + release)); err == nil {
		defer f.Close()
		text = f
	} else {
		return ""
	}
	lines := bufio.NewScanner(io.LimitReader(text, maxFile))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), option+"="); ok {
			return value
		}
	}
	return "n"
}

func namespaces(_ context.Context, m *Machine) []Finding {
	var missing []string
	for _, kind := range []string{"cgroup", "ipc", "mnt", "net", "pid", "uts"} {
		if !m.exists("/proc/self/ns/" + kind) {
			missing = append(missing, kind)
		}
	}
	f := Finding{Check: "namespaces", State: OK, Found: "cgroup, ipc, mnt, net, pid, uts"}
	if len(missing) > 0 {
		f.State, f.Found = Failed, "the kernel has none of: "+strings.Join(missing, ", ")
		f.Remedy = "sudo apt-get install linux-image-$(dpkg --print-architecture), and boot that"
	}
	return []Finding{f, userNamespaces(m)}
}

// userNamespaces are what unprivileged containers run in, and no others need.
func userNamespaces(m *Machine) Finding {
	f := Finding{Check: "user namespaces", State: OK, Found: "allowed"}
	most := strings.TrimSpace(m.read("/proc/sys/user/max_user_namespaces"))
	switch {
	case !m.exists("/proc/self/ns/user"):
		f.State, f.Found = Warning, "the kernel has none"
		f.Remedy = "sudo apt-get install linux-image-$(dpkg --print-architecture), and boot that"
	case most == "0":
		f.State, f.Found = Warning, "turned off"
		f.Remedy = "sudo sysctl -w user.max_user_namespaces=15000"
	default:
		return f
	}
	i := slices.IndexFunc(m.Config.Bases, func(b config.Base) bool { return !b.Privileged })
	if i < 0 {
		f.Found += "; privileged containers, as these are, work without"
		return f
	}
	f.State = Failed
	f.Found += ", and the containers of " + m.Config.Bases[i].Name + ", which are not privileged, run in them"
	return f
}

// oldest is the first version of liblxc that this program was tried with.
var oldest = []int{5, 0, 2}

func liblxc(_ context.Context, m *Machine) []Finding {
	f := Finding{Check: "liblxc", State: OK}
	version, err := m.Probe.Liblxc()
	if err != nil {
		f.State, f.Found = Failed, err.Error()
		return []Finding{f}
	}
	f.Found = "version " + version
	if numbers, ok := parseVersion(version); !ok || slices.Compare(numbers, oldest) < 0 {
		f.State = Warning
		f.Found += ", older than 5.0.2, the first that jarloop was tried with"
		f.Remedy = "sudo apt-get install lxc, on Debian 12 or Ubuntu 24.04 or later"
	}
	return []Finding{f}
}

// parseVersion reads 5.0.2, and the beginning of 6.0.0-devel.
func parseVersion(text string) (numbers []int, ok bool) {
	text, _, _ = strings.Cut(text, "-")
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}
