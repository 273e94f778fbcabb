package base

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestABaseOfADistributionBoots(t *testing.T) {
	b := builder(t)
	ctx := deadline(t, 5*time.Minute)
	r := Recipe{
		Name: "jlt-base-deb", Distribution: "debian:bookworm",
		Run: []string{"systemctl --version", "printf '[Service]\\nExecStart=/bin/sleep 1h\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/x.service && systemctl enable x"},
	}
	b.Progress = func(p Progress) {
		if p.Line == "" {
			t.Logf("%6s %s", p.Elapsed.Round(time.Millisecond), p.Step)
		}
	}
	began := time.Now()
	container, built, err := b.Ensure(ctx, r)
	if err != nil || !built {
		t.Fatalf("built %v: %v", built, err)
	}
	t.Logf("built in %s", time.Since(began).Round(time.Millisecond))
	root := filepath.Join(b.Path, container, "rootfs")
	for _, gone := range []string{"etc/hostname", "etc/dpkg/dpkg.cfg.d/99mmdebstrap", "usr/sbin/policy-rc.d"} {
		if _, err := os.Lstat(filepath.Join(root, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is there: %v", gone, err)
		}
	}
	if id, err := os.ReadFile(filepath.Join(root, "etc/machine-id")); err != nil || len(id) != 0 {
		t.Errorf("machine-id: %q, %v", id, err)
	}

	// A clone boots, not the base.
	const clone = "jlt-base-boot"
	command(t, "lxc-copy", "-P", b.Path, "-n", container, "-N", clone, "-s", "-B", "overlay")
	defer command(t, "lxc-destroy", "-P", b.Path, "-n", clone)
	began = time.Now()
	command(t, "lxc-start", "-P", b.Path, "-n", clone)
	defer command(t, "lxc-stop", "-P", b.Path, "-n", clone, "-k")
	inside := func(args ...string) string {
		args = append([]string{"-P", b.Path, "-n", clone, "--clear-env", "--"}, args...)
		out, err := exec.CommandContext(ctx, "lxc-attach", args...).CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		return strings.TrimSpace(string(out))
	}
	until(t, "multi-user.target is reached", func() bool { return inside("systemctl", "is-active", "multi-user.target") == "active" })
	t.Logf("booted in %s", time.Since(began).Round(time.Millisecond))
	until(t, "systemd is running, not degraded", func() bool { return inside("systemctl", "is-system-running") == "running" })

	for _, test := range []struct {
		what, want string
		args       []string
	}{
		{"an enabled unit runs", "active", []string{"systemctl", "is-active", "x"}},
		{"the clone has its own name", clone, []string{"hostname"}},
		{"its own name has an address", clone, []string{"sh", "-c", "getent hosts $(hostname) | awk '{print $2}'"}},
		{"localhost has one", "localhost", []string{"sh", "-c", "getent hosts localhost | awk '{print $2}'"}},
		{"it has a machine ID of its own", "32", []string{"sh", "-c", "tr -d '\\n' < /etc/machine-id | wc -c"}},
		{"no getty, login manager or udev runs", "0", []string{"sh", "-c", "cat /proc/[0-9]*/comm | grep -c 'getty\\|logind\\|udevd' || :"}},
		{"the journal is in memory", "/run", []string{"sh", "-c", "find /run /var -name '*.journal' | cut -d/ -f1,2 | uniq"}},
		{"no unit failed", "", []string{"systemctl", "--failed", "--no-legend", "--plain"}},
	} {
		if got := inside(test.args...); got != test.want {
			t.Errorf("%s: got %q, want %q", test.what, got, test.want)
		}
	}
}

func TestOnBtrfsARootIsASubvolume(t *testing.T) {
	b := builder(t)
	if _, err := exec.LookPath("mkfs.btrfs"); err != nil {
		t.Skip("needs btrfs-progs")
	}
	disk := filepath.Join(t.TempDir(), "disk")
	command(t, "truncate", "-s", "256M", disk)
	command(t, "mkfs.btrfs", "-q", disk)
	if out, err := exec.CommandContext(deadline(t, 30*time.Second), "mount", "-o", "loop", disk, b.Path).CombinedOutput(); err != nil {
		t.Skipf("no loop mount of btrfs here: %s", out)
	}
	defer command(t, "umount", b.Path)
	b.Btrfs = true
	// mmdebstrap's part is played by a copy of what the template makes.
	script(t, "mmdebstrap", `for root; do :; done
exec /usr/share/lxc/templates/lxc-busybox --path="${root%/rootfs}" --name=x --rootfs="$root"
`)
	for _, r := range []Recipe{busybox("true"), {Name: "jlt-base-deb", Distribution: "debian:bookworm"}} {
		container := ensure(t, b, r)
		root := filepath.Join(b.Path, container, "rootfs")
		if got := command(t, "stat", "-c", "%i", root); got != "256\n" { // the inode of every subvolume's root
			t.Errorf("%s: the root is no subvolume: inode %s", container, got)
		}
		command(t, "lxc-copy", "-P", b.Path, "-n", container, "-N", "jlt-base-snap", "-s", "-B", "btrfs")
		// A snapshot of btrfs has all that it needs.
		if err := b.Remove(t.Context(), container); err != nil {
			t.Error(err)
		}
		command(t, "lxc-destroy", "-P", b.Path, "-n", "jlt-base-snap")
	}
	wantEmpty(t, b.Path)
}
