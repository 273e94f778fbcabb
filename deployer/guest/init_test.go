package guest

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentity(t *testing.T) {
	names := func(files []File) map[string]string {
		m := map[string]string{}
		for _, f := range files {
			if m[f.Name] = string(f.Data); f.Link != "" {
				m[f.Name] = "-> " + f.Link
			}
			if f.Link == "" && f.Mode&fs.ModePerm == 0 {
				t.Errorf("%s: nobody may read it", f.Name)
			}
		}
		return m
	}
	const lo = "auto lo\niface lo inet loopback\n"
	got := names(Identity(Systemd, Host{Name: "person", Static: true, Nameserver: netip.MustParseAddr("10.0.3.1")}))
	want := map[string]string{
		"/etc/hostname": "person\n", "/etc/machine-id": "", "/etc/network/interfaces": lo,
		"/etc/resolv.conf": "nameserver 10.0.3.1\n",
		networkFile:        "[Match]\nName=eth0\n\n[Link]\nUnmanaged=yes\n",
		"/etc/systemd/system/systemd-networkd-wait-online.service": "-> /dev/null",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("systemd, static (-want +got):\n%s", d)
	}
	got = names(Identity(Systemd, Host{Name: "person", Address: netip.MustParsePrefix("10.88.0.7/24"), Gateway: netip.MustParseAddr("10.88.0.1")}))
	want = map[string]string{
		"/etc/hostname": "person\n", "/etc/machine-id": "", "/etc/network/interfaces": lo,
		networkFile: "[Match]\nName=eth0\n\n[Network]\nAddress=10.88.0.7/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nGateway=10.88.0.1\n",
		"/etc/systemd/system/systemd-networkd.service.d/jarloop.conf":          "[Service]\nReadOnlyPaths=/sys\n", // else it waits for udev
		"/etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "-> /lib/systemd/system/systemd-networkd.service",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("systemd, an address of its own (-want +got):\n%s", d)
	}
	got = names(Identity(Upstart, Host{Name: "person"}))
	want = map[string]string{"/etc/hostname": "person\n", "/etc/network/interfaces": lo + "auto eth0\niface eth0 inet dhcp\n"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("upstart, DHCP (-want +got):\n%s", d)
	}
	for _, static := range []bool{true, false} {
		boot := names(Identity(Busybox, Host{Name: "p", Static: static}))["/etc/init.d/rcS"]
		if strings.Contains(boot, "udhcpc") == static {
			t.Errorf("busybox, static %v: boots with\n%s", static, boot)
		}
	}
}

func TestDetectInit(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string // a content that begins with "->" is a link
		want  Init
	}{
		{"systemd, by links as Debian has them",
			map[string]string{"usr/lib/systemd/systemd": "ELF", "lib": "->usr/lib", "sbin/init": "->/lib/systemd/systemd"}, Systemd},
		{"upstart, whose init is a file of its own",
			map[string]string{"sbin/init": "ELF", "sbin/initctl": "ELF", "etc/init/rc.conf": ""}, Upstart},
		{"upstart with parts of systemd beside it",
			map[string]string{"sbin/init": "ELF u", "sbin/initctl": "ELF", "etc/init/rc.conf": "", "lib/systemd/systemd": "ELF s"}, Upstart},
		{"busybox, copied without regard to hard links",
			map[string]string{"sbin/init": "ELF", "bin/busybox": "ELF"}, Busybox},
		{"busybox that OpenRC uses", map[string]string{"sbin/init": "->/bin/busybox", "bin/busybox": "ELF", "sbin/openrc": "ELF"}, ""},
		{"another", map[string]string{"sbin/init": "#!/bin/sh"}, ""},
		{"none", map[string]string{"etc/hosts": ""}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, data := range tc.files {
				if link, ok := strings.CutPrefix(data, "->"); ok {
					must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
					must(t, os.Symlink(link, filepath.Join(dir, name)))
				}
			}
			for name, data := range tc.files {
				if !strings.HasPrefix(data, "->") {
					plant(t, dir, map[string]string{name: data})
				}
			}
			got, err := DetectInit(opened(t, dir))
			if got != tc.want || (err == nil) != (tc.want != "") {
				t.Errorf("%q, %v; want %q", got, err, tc.want)
			}
		})
	}
}
