# Ends the build of a root: inside it, after the recipe's own lines.
set -eu

# A JVM starts sooner with the archive of its own classes (java(1), -Xshare),
# which some packages and images leave to the user.
for jvm in /usr/lib/jvm/*/lib/server/libjvm.so /opt/*/lib/server/libjvm.so; do
	[ -f "$jvm" ] || continue
	folder=${jvm%/libjvm.so}
	java=${folder%/lib/server}/bin/java
	if [ -x "$java" ] && [ ! -e "$folder/classes.jsa" ]; then
		"$java" -Xshare:dump || echo "no class data archive for $java"
	fi
done

if [ -d /var/lib/apt/lists ]; then
	rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
fi
# mmdebstrap leaves the options it was given: what suits a build, which is
# written to disk once at its end, does not suit a machine that lives.
rm -f /etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -f /var/log/dpkg.log /var/log/alternatives.log /var/log/apt/* /var/log/bootstrap.log

# Empty, each clone makes its own at its start; missing, systemd would take
# each start for a first boot (machine-id(5)).
if [ -e /etc/machine-id ] || [ -d /etc/systemd/system ]; then : > /etc/machine-id; fi
rm -f /var/lib/dbus/machine-id
[ ! -d /var/lib/dbus ] || [ ! -e /etc/machine-id ] || ln -s /etc/machine-id /var/lib/dbus/machine-id
