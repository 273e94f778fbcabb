package guest

import "fmt"

const unitName = "jarloop.service"

// systemdUnit is the unit's file and the link that a boot starts it by.
//
// All processes are asked to end and then killed: a shell that does not hand on
// the request may be between systemd and the JVM (systemd.kill(5)).
// Without DefaultDependencies it waits for no more than it needs: a mounted
// filesystem, the clearing of /tmp and what packages want in /run, and the sockets that
// syslog(3) writes to. Restart=no, because the agent starts
// again, and counts; so systemd does not count, and refuse. A JVM that was asked
// to stop exits with status 143, which is success. ExecStopPost runs however the
// service ended, also when it could not be run at all (systemd.service(5)).
func systemdUnit(u Unit) []File {
	const name = "/etc/systemd/system/" + unitName
	return []File{
		text(name, fmt.Sprintf(`[Unit]
Description=%s, run by jarloop
DefaultDependencies=no
StartLimitIntervalSec=0
After=local-fs.target systemd-tmpfiles-setup.service systemd-journald.socket systemd-journald-dev-log.socket
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=%s
ExecStopPost=%s
Restart=no
KillMode=control-group
SuccessExitStatus=143
TimeoutStopSec=%d
StandardOutput=null
StandardError=null
TasksMax=infinity
%s
[Install]
WantedBy=multi-user.target
`, percent(u.Service), mainFile, reportFile, grace, u.limits())),
		{Name: "/etc/systemd/system/multi-user.target.wants/" + unitName, Link: name},
		script(reportFile, report),
	}
}

// limits are lines of the unit.
func (u Unit) limits() string {
	lines := ""
	if u.Memory > 0 {
		lines += fmt.Sprintf("MemoryMax=%d\n", u.Memory)
	}
	if u.CPUs > 0 {
		lines += fmt.Sprintf("CPUQuota=%d%%\n", max(1, int(100*u.CPUs)))
	}
	return lines
}

// report says how the service ended, as one act. Where memory is still counted
// by cgroup v1 systemd is not told that the kernel killed for it; the unit's
// own group says so (kernel doc, cgroup-v1/memory, "oom_kill").
const report = `# says how the service ended; written by jarloop
result=${SERVICE_RESULT:--}
if [ "$result ${EXIT_STATUS:--}" = "signal KILL" ]; then
	while IFS=: read -r _ kind group; do
		control=/sys/fs/cgroup/memory$group/memory.oom_control
		[ "$kind" = memory ] && [ -r "$control" ] || continue
		while read -r key count; do
			[ "$key" != oom_kill ] || [ "$count" = 0 ] || result=oom-kill
		done <"$control"
	done </proc/self/cgroup
fi
echo "$result ${EXIT_CODE:--} ${EXIT_STATUS:--}" >` + exitFile + `.tmp
mv -f ` + exitFile + `.tmp ` + exitFile + `
`

// systemdIdentity are the files of a clone that boots systemd.
//
// The machine ID must be empty, not missing: systemd then makes a new one,
// where a missing file means a first boot with all its presets
// (machine-id(5)). The first .network file by name is the one that counts, so
// the base's own, netplan's included, come after this one (systemd.network(5)).
func systemdIdentity(h Host) []File {
	const networkd = "/lib/systemd/system/systemd-networkd.service"
	files := []File{{Name: "/etc/machine-id", Mode: 0o444}}
	if h.Static {
		return append(files,
			text(networkFile, "[Match]\nName=eth0\n\n[Link]\nUnmanaged=yes\n"),
			// Nothing is managed, so nothing would ever be online.
			File{Name: "/etc/systemd/system/systemd-networkd-wait-online.service", Link: "/dev/null"})
	}
	how := "DHCP=ipv4\n\n[DHCPv4]\nClientIdentifier=mac\n"
	if h.Address.IsValid() {
		how = fmt.Sprintf("Address=%s\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n", h.Address)
		if h.Gateway.IsValid() {
			how += fmt.Sprintf("Gateway=%s\n", h.Gateway)
		}
		// Where /sys can be written to, networkd takes it that there is an udev, and waits
		// for that with each interface (udev_available in systemd); a base has none.
		files = append(files, text("/etc/systemd/system/systemd-networkd.service.d/jarloop.conf", "[Service]\nReadOnlyPaths=/sys\n"))
	}
	return append(files,
		// By MAC address, since the machine ID is made anew for each clone.
		text(networkFile, "[Match]\nName=eth0\n\n[Network]\n"+how),
		File{Name: "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service", Link: networkd})
}

const networkFile = "/etc/systemd/network/00-jarloop.network"

// percent protects what a unit file has specifiers for.
func percent(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; c {
		case '%':
			out = append(out, "%%"...)
		case '\n', '\\':
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
