# Unpacks a tar archive from the standard input into the root of a base that is
# being imported. The archive comes from elsewhere: tar sees this host's programs,
# which it cannot write to, and the root, and nothing else. This runs in a mount
# namespace of its own: nothing is unmounted.
#
#   $1  an empty folder, to be the world that tar sees
#   $2  the root
#   $3… tar's arguments
set -eu
world=$1
root=$2
shift 2

mount -t tmpfs -o size=1m,mode=755 tmpfs "$world"
mkdir "$world/root"
mount --bind "$root" "$world/root"
# What the archive calls a device is made, and opened by nobody.
mount -o remount,bind,nodev,nosuid,noexec "$world/root"
for folder in /usr /bin /sbin /lib*; do
	if [ -L "$folder" ]; then
		cp -P "$folder" "$world$folder"
	elif [ -d "$folder" ]; then
		mkdir "$world$folder"
		mount --bind "$folder" "$world$folder"
		mount -o remount,bind,ro "$world$folder"
	fi
done
mount -o remount,ro "$world"
exec chroot "$world" tar "$@" --directory=/root
