package base

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRender(t *testing.T) {
	debians := func(file string) bool { return file == "/usr/share/lxc/config/debian.common.conf" }
	s := settings{
		container: "service-base-1a2b3c4d", rootfs: "dir:/var/lib/lxc/service-base-1a2b3c4d/rootfs",
		bridge: "lxcbr0", halt: haltSystemd, apparmor: "generated",
	}
	const want = `lxc.include = /usr/share/lxc/config/debian.common.conf
lxc.arch = x86_64
lxc.autodev = 1
lxc.tty.max = 0
lxc.uts.name = service-base-1a2b3c4d
lxc.rootfs.path = dir:/var/lib/lxc/service-base-1a2b3c4d/rootfs
lxc.hook.clone =
lxc.log.level = WARN
lxc.signal.halt = SIGRTMIN+3
lxc.apparmor.profile = generated
lxc.apparmor.allow_nesting = 1
lxc.net =
lxc.net.0.type = veth
lxc.net.0.link = lxcbr0
lxc.net.0.flags = up
lxc.net.0.hwaddr = 00:16:3e:xx:xx:xx
`
	if diff := cmp.Diff(want, s.adapt(untemplated("debian", "x86_64", debians))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	s = settings{container: "b", rootfs: "btrfs:/b/rootfs"}
	const bare = `lxc.include = /usr/share/lxc/config/common.conf
lxc.autodev = 1
lxc.tty.max = 0
lxc.uts.name = b
lxc.rootfs.path = btrfs:/b/rootfs
lxc.hook.clone =
lxc.log.level = WARN
lxc.net =
lxc.net.0.type = empty
`
	if diff := cmp.Diff(bare, s.adapt(untemplated("mystery", "", debians))); diff != "" {
		t.Errorf("of a distribution that LXC does not know, without bridge, AppArmor and so on: -want +got:\n%s", diff)
	}
}

func TestAdaptKeepsWhatTheTemplateSaysAndReplacesTheRest(t *testing.T) {
	const template = `# Template used: /usr/share/lxc/templates/lxc-ubuntu
lxc.include = /usr/share/lxc/config/ubuntu.common.conf
lxc.net.0.type = veth
lxc.net.0.ipv4.address = 10.0.3.7/24
lxc.net.0.link = other0
 lxc.apparmor.profile = generated
#lxc.apparmor.profile = unconfined
lxc.signal.halt = SIGPWR
lxc.start.auto = 1
lxc.log.file = /var/log/x
lxc.hook.clone = /usr/share/lxc/hooks/ubuntu-cloud-prep
lxc.uts.name = "template"
lxc.rootfs.path = dir:/p/b/rootfs
lxc.mount.entry = /lib lib none ro,bind 0 0`
	const want = `# Template used: /usr/share/lxc/templates/lxc-ubuntu
lxc.include = /usr/share/lxc/config/ubuntu.common.conf
#lxc.apparmor.profile = unconfined
lxc.signal.halt = SIGPWR
lxc.mount.entry = /lib lib none ro,bind 0 0
lxc.uts.name = b
lxc.rootfs.path = btrfs:/p/b/rootfs
lxc.hook.clone =
lxc.log.level = WARN
lxc.net =
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.hwaddr = 00:16:3e:xx:xx:xx
`
	if diff := cmp.Diff(want, settings{container: "b", rootfs: "btrfs:/p/b/rootfs", bridge: "br0"}.adapt(template)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got := settings{container: "b", rootfs: "dir:/b", halt: haltSystemd}.adapt("lxc.signal.halt = SIGPWR\n")
	if diff := cmp.Diff("lxc.uts.name = b\nlxc.rootfs.path = dir:/b\nlxc.hook.clone =\nlxc.log.level = WARN\nlxc.signal.halt = SIGRTMIN+3\nlxc.net =\nlxc.net.0.type = empty\n", got); diff != "" {
		t.Errorf("a known halt signal replaces the template's: -want +got:\n%s", diff)
	}
}
