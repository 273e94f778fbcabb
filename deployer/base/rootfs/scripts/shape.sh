# Makes a new root suit clones that live for one service. Runs inside the
# root, before the recipe's own lines, which may undo any of it.
set -eu

# A clone is named by its configuration: systemd would prefer this file.
rm -f /etc/hostname
[ -e /etc/hosts ] || printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' > /etc/hosts

[ -d /etc/systemd/system ] || exit 0

# What has no hardware, no terminal and no night to work in here. A third of
# the time from start to multi-user.target goes with it.
for unit in \
	getty.target getty@.service getty-static.service serial-getty@.service \
	console-getty.service container-getty@.service \
	systemd-logind.service systemd-ask-password-console.path systemd-ask-password-wall.path \
	systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
	systemd-udev-trigger.service systemd-udev-settle.service systemd-hwdb-update.service \
	systemd-modules-load.service systemd-pstore.service systemd-rfkill.socket \
	systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
	systemd-pcrphase.service systemd-pcrphase-sysinit.service \
	systemd-remount-fs.service systemd-random-seed.service systemd-firstboot.service \
	systemd-machine-id-commit.service systemd-journal-flush.service systemd-journald-audit.socket \
	systemd-update-utmp.service systemd-update-utmp-runlevel.service \
	systemd-networkd-wait-online.service NetworkManager-wait-online.service \
	dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount sys-kernel-debug.mount \
	sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer man-db.timer logrotate.timer \
	e2scrub_all.timer e2scrub_reap.service fstrim.timer motd-news.timer; do
	for folder in /lib/systemd/system /usr/lib/systemd/system; do
		[ -e "$folder/$unit" ] && ln -sf /dev/null "/etc/systemd/system/$unit" && break
	done || :
done
for folder in /lib/systemd/system /usr/lib/systemd/system; do
	[ -e "$folder/multi-user.target" ] || continue
	ln -sf "$folder/multi-user.target" /etc/systemd/system/default.target
	break
done

# The journal is for reading along: small, in memory, gone with the container.
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n' > /etc/systemd/journald.conf.d/jarloop.conf
