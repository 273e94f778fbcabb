package guest

import (
	"os"
	"path/filepath"
	"testing"
)

// stockLinks are links as a fresh Debian 12 has them; the absolute ones mean
// the root that they are in.
var stockLinks = map[string]string{
	"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64",
	"var/run": "/run", "var/lock": "/run/lock",
	"etc/mtab":         "../proc/self/mounts",
	"etc/localtime":    "/usr/share/zoneinfo/Etc/UTC",
	"etc/os-release":   "../usr/lib/os-release",
	"etc/resolv.conf":  "../run/systemd/resolve/stub-resolv.conf",
	"usr/bin/java":     "/etc/alternatives/java",
	"usr/sbin/init":    "/lib/systemd/systemd",
	"usr/bin/awk":      "/etc/alternatives/awk",
	"dev/fd":           "/proc/self/fd",
	"usr/lib/jvm/jre":  "java-17-openjdk",
	"etc/ssl/java.pem": "../../usr/share/ca/java.pem",

	"etc/alternatives/java": "/usr/lib/jvm/jre/bin/java",
	"etc/alternatives/awk":  "/usr/bin/mawk",
	"etc/systemd/system/multi-user.target.wants/cron.service": "/lib/systemd/system/cron.service",
}

// debian makes a root as a fresh Debian has it.
func debian(t *testing.T) (r *Root, inside, outside string) {
	t.Helper()
	top := t.TempDir()
	inside, outside = filepath.Join(top, "root"), filepath.Join(top, "host")
	plant(t, outside, map[string]string{"hosts": "canary"})
	plant(t, inside, map[string]string{
		"etc/hosts": "127.0.0.1\tlocalhost\n", "usr/lib/os-release": "ID=debian\n", "usr/share/zoneinfo/Etc/UTC": "TZif2",
		"usr/lib/jvm/java-17-openjdk/bin/java": "\x7fELF java", "usr/bin/mawk": "\x7fELF awk", "usr/lib/systemd/systemd": "\x7fELF systemd",
		"usr/lib/systemd/system/cron.service": "[Unit]\n", "usr/share/ca/java.pem": "PEM", "usr/sbin/.keep": "", "usr/lib64/.keep": "",
		"run/lock/.keep": "", "proc/self/mounts": "rootfs / rootfs rw 0 0\n", "dev/.keep": "", "var/log/dpkg.log": "installed\n",
	})
	for name, target := range stockLinks {
		name = filepath.Join(inside, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.Symlink(target, name))
	}
	return opened(t, inside), inside, outside
}

// TestAStockDebianRootWorks reads and writes through every link that such a
// root has: what keeps hostile ones in must not keep these out.
func TestAStockDebianRootWorks(t *testing.T) {
	r, inside, outside := debian(t)
	for name, want := range map[string]string{
		"/bin/mawk": "\x7fELF awk", "/bin/awk": "\x7fELF awk", "/bin/java": "\x7fELF java", "/usr/bin/java": "\x7fELF java",
		"/sbin/init": "\x7fELF systemd", "/lib/systemd/systemd": "\x7fELF systemd", "/etc/localtime": "TZif2",
		"/etc/os-release": "ID=debian\n", "/etc/mtab": "rootfs / rootfs rw 0 0\n", "/etc/ssl/java.pem": "PEM",
		"/etc/systemd/system/multi-user.target.wants/cron.service": "[Unit]\n", "/var/log/dpkg.log": "installed\n",
	} {
		if data, err := r.ReadFile(name); err != nil || string(data) != want {
			t.Errorf("%s is %q, %v", name, data, err)
		}
	}
	if init, err := DetectInit(r); err != nil || init != Systemd {
		t.Errorf("its init is %q, %v", init, err)
	}
	for name, where := range map[string]string{
		"/etc/hosts":            "etc/hosts",
		"/var/run/x.pid":        "run/x.pid",
		"/var/lock/x":           "run/lock/x",
		"/lib/systemd/system/x": "usr/lib/systemd/system/x",
		"/etc/resolv.conf":      "run/systemd/resolve/stub-resolv.conf", // a link that leads nowhere yet
		"/bin/tool":             "usr/bin/tool",
	} {
		must(t, r.WriteFile(name, []byte("new"), 0o644))
		if info, err := os.Lstat(filepath.Join(inside, where)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s is not in %s: %v", name, where, err)
		}
	}
	src := t.TempDir()
	plant(t, src, map[string]string{"a.jar": "1"})
	for dst, where := range map[string]string{"/app": "app", "/var/run/app": "run/app", "/lib/app": "usr/lib/app", "/opt/x/y": "opt/x/y"} {
		must(t, r.CopyTree(t.Context(), src, dst))
		if got := content(t, filepath.Join(inside, where, "a.jar")); got != "1" {
			t.Errorf("%s/a.jar is %q", dst, got)
		}
	}
	// The links are what they were.
	for name, target := range stockLinks {
		if got, err := os.Readlink(filepath.Join(inside, name)); err != nil || got != target {
			t.Errorf("%s leads to %q, %v; want %q", name, got, err, target)
		}
	}
	untouched(t, outside)
	noTemporaries(t, inside)
}
