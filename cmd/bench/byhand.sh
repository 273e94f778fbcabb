# The redeploy by hand, as its author typed it: stop, destroy, copy the base,
# copy the files, start, wait for DHCP, append to hosts files, lead the port.
# LXC, BASE, NAME, SERVICE, SOURCE, EXEC and PORT say what and where.

if [ -d "$LXC/$NAME" ]; then
	lxc-stop -P "$LXC" -n "$NAME"
	lxc-destroy -P "$LXC" -n "$NAME"
fi
lxc-copy -P "$LXC" -n "$BASE" -N "$NAME"

root=$LXC/$NAME/rootfs
mkdir -p "$root/$SERVICE"
cp -a "$SOURCE/." "$root/$SERVICE/"
cat >"$root/etc/systemd/system/$SERVICE.service" <<END
[Unit]
DefaultDependencies=no
After=local-fs.target
[Service]
ExecStart=$EXEC
END
ln -s "/etc/systemd/system/$SERVICE.service" "$root/etc/systemd/system/multi-user.target.wants/"
printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/eth0.network"
ln -sf /lib/systemd/system/systemd-networkd.service "$root/etc/systemd/system/multi-user.target.wants/"

lxc-start -P "$LXC" -n "$NAME"
while ip=$(lxc-info -P "$LXC" -n "$NAME" -iH | grep '^10\.0\.3\.' | head -n 1) && [ -z "$ip" ]; do
	sleep 0.1
done

# Each service that calls this one has a container made by hand too.
for hosts in "$LXC"/hand-*/rootfs/etc/hosts; do
	echo "$ip $SERVICE" >>"$hosts"
done
iptables -t nat -F PREROUTING
iptables -t nat -A PREROUTING -i eth0 -p tcp --dport "$PORT" -j DNAT --to-destination "$ip:$PORT"
