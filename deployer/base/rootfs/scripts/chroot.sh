# Runs a shell line in the root of a base that is being built. This runs in a
# mount namespace and a PID namespace of its own: nothing is unmounted, and
# what the line leaves running ends with this script.
#
#   $1  the root
#   $2  the line
set -eu
root=$1

mkdir -p "$root/proc" "$root/dev" "$root/run" "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/run"
mount -t tmpfs -o mode=1777,nosuid tmpfs "$root/tmp"
mkdir -m 1777 "$root/run/lock"

# The harmless devices only, not the host's /dev: the line may be wrong.
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	: > "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm" # of POSIX (shm_open(3)); databases have their memory there
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"

# Names resolve by the host's servers where the root knows none of its own: no
# file, or a link into /run, which is empty here.
resolv=$root/etc/resolv.conf
copied=
if [ -L "$resolv" ]; then
	case $(readlink "$resolv") in
	/run/* | ../run/*)
		file=$root/run/$(readlink "$resolv" | sed 's|^.*run/||')
		mkdir -p "$(dirname "$file")"
		cp /etc/resolv.conf "$file" || :
		;;
	esac
elif [ ! -e "$resolv" ] && [ -d "$root/etc" ]; then
	cp /etc/resolv.conf "$resolv" && copied=yes
fi

# Packages ask this before they start a service (invoke-rc.d(8)).
policy=$root/usr/sbin/policy-rc.d
denied=
if [ -x "$root/usr/sbin/invoke-rc.d" ] && [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' > "$policy"
	chmod 755 "$policy"
	denied=yes
fi

status=0
chroot "$root" /bin/sh -c "$2" || status=$?

if [ "$denied" ]; then rm -f "$policy"; fi
if [ "$copied" ] && cmp -s /etc/resolv.conf "$resolv"; then rm -f "$resolv"; fi
exit "$status"
