package guest

import (
	"fmt"
	"strings"
)

// The unit of inits that do not say how a process ended: a script that waits
// for the service in its place.
const (
	wrapperFile = "/etc/jarloop/unit"
	startFile   = "/etc/jarloop/start"
	stopFile    = "/etc/jarloop/stop"
	// lockFile is on /dev, which is a tmpfs (lxc.container.conf(5), lxc.autodev): it
	// needs no room on a disk that may be full, and is gone with the boot.
	lockFile = "/dev/.jarloop"
	// unitMark is in the environment of all that the service starts.
	unitMark = "JARLOOP_UNIT="
)

// wrapper starts the service, asks all of its processes to end when it is itself
// asked to, kills after the grace, and reports in systemd's words how it ended.
//
// The lock is a link whose target is the process ID, since making a link
// either makes it with its content or fails. One left by a killed wrapper is
// known by its process being no wrapper. What the service has started is known
// by a mark in its environment, also when it has left the session. The loop
// around wait is there because a trapped signal ends wait, not the service
// (sh(1)). That the kernel killed for memory is known by its count of doing so
// (cgroup-v2, memory.events; in v1 memory.oom_control).
func wrapper(u Unit) File {
	return script(wrapperFile, fmt.Sprintf(`# runs the service and reports how it ended; written by jarloop
umask 022
running() { tr '\0' ' ' 2>/dev/null <"/proc/$(readlink %[2]s)/cmdline" | grep -q %[3]s; }
for try in 1 2 3 last; do
	ln -sn $$ %[2]s 2>/dev/null && break
	running && exit 0
	rm -f %[2]s
	[ $try != last ] || {
		echo "jarloop: cannot make %[2]s" >>%[7]s
		echo "exit-code exited 1" >%[5]s.tmp && mv -f %[5]s.tmp %[5]s
		exit 1
	}
done
%[1]s
killed() {
	sed -n 's/^oom_kill //p' /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory.oom_control \
		/sys/fs/cgroup/memory/memory.oom_control 2>/dev/null
}
child= status= stopping= again= killer=
# signal sends one to all that the service has started, and fails where there is nothing
signal() {
	none=1
	for environ in /proc/[0-9]*/environ; do
		tr '\0' '\n' 2>/dev/null <"$environ" | grep -qx %[9]s$$ || continue
		pid=${environ#/proc/}
		kill "-$1" "${pid%%/environ}" 2>/dev/null && none=0
	done
	return $none
}
nap() { usleep 50000 2>/dev/null || sleep 1; }
expire() {
	sleep %[4]d &
	trap "kill $!; exit" TERM
	wait $!
	while signal KILL; do nap; done
}
stop() {
	again=1
	[ -n "$child" ] && [ -z "$stopping" ] || { stopping=1; return; }
	stopping=1
	signal TERM || kill -TERM "$child" 2>/dev/null # not executed yet
	expire & killer=$!
}
trap stop TERM INT
before=$(killed)
rm -f %[5]s
%[9]s$$ %[6]s </dev/null &
child=$!
[ -z "$stopping" ] || { stopping=; stop; }
while :; do
	again=
	wait "$child"
	ended=$?
	[ "$ended" -eq 127 ] && [ -n "$status" ] || status=$ended # told once already
	[ -n "$again" ] || break
done
trap '' TERM INT
if [ -n "$killer" ]; then
	while signal 0; do nap; done # its children were asked too
	kill -TERM "$killer" 2>/dev/null
else
	signal TERM # what the service has left behind
fi
if [ "$status" -le 128 ]; then
	code="exited $status" result=exit-code
	[ "$status" -ne 0 ] || result=success
else
	code="killed $(kill -l $((status - 128)))" result=signal
	if [ "$status" -eq 137 ] && [ "$(killed)" != "$before" ]; then result=oom-kill
	elif [ -n "$stopping" ] && [ "$status" -eq 137 ]; then result=timeout
	elif [ -n "$stopping" ] || [ "$status" -eq 143 ]; then result=success
	fi
fi
echo "$result $code" >%[5]s.tmp
mv -f %[5]s.tmp %[5]s
rm -f %[2]s
left=%[8]d
while signal 0 && [ $((left -= 1)) -gt 0 ]; do sleep 1; done
signal KILL
`, strings.TrimSpace(u.waiting()), lockFile, wrapperFile, grace, exitFile, RunFile, outFile, linger, unitMark))
}

// linger is how many seconds what a service has left behind may take to end.
const linger = 10

// busyboxUnit is the wrapper with what starts and stops it; the boot's script
// (busyboxBoot) starts it too.
func busyboxUnit(u Unit) []File {
	return []File{
		wrapper(u),
		// With an environment of its own: whoever attaches brings theirs.
		script(startFile, fmt.Sprintf(`# starts the service unless it runs; written by jarloop
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	setsid %s </dev/null >/dev/null 2>&1 &
`, wrapperFile)),
		script(stopFile, fmt.Sprintf(`# ends the service and waits for that; written by jarloop
left=%d
while pid=$(readlink %s) && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q %s; do
	[ -n "$asked" ] || kill -TERM "$pid"
	asked=1
	[ $((left -= 1)) -gt 0 ] || exit 1
	usleep 100000 2>/dev/null || sleep 1
done
exit 0
`, 10*(grace+5), lockFile, wrapperFile)),
	}
}

// busyboxBoot is the script that busybox's init runs first, in place of the
// one of LXC's busybox template, which always asks for an address by DHCP and
// waits for it. The group is mounted for the wrapper: LXC leaves that to inits
// that know of groups.
func busyboxBoot(h Host) File {
	boot := "/bin/syslogd\n/bin/mount -a\n" +
		"mount -t cgroup -o ro,memory memory /sys/fs/cgroup 2>/dev/null ||\n" +
		"\tmount -t cgroup2 -o ro cgroup2 /sys/fs/cgroup 2>/dev/null\n"
	switch {
	case h.Address.IsValid():
		boot += h.setAddress()
	case !h.Static:
		boot += "/bin/udhcpc -b -i eth0\n"
	}
	return script("/etc/init.d/rcS", boot+
		"[ ! -x "+startFile+" ] || "+startFile+"\n")
}

// upstartUnit is a job (init(5) of upstart) around the wrapper.
func upstartUnit(u Unit) []File {
	return []File{
		wrapper(u),
		text("/etc/init/jarloop.conf", fmt.Sprintf(`description "the service, run by jarloop"
start on runlevel [2345]
stop on runlevel [!2345]
kill timeout %d
console none
exec %s
`, grace+5, wrapperFile)),
	}
}
