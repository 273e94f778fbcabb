//go:build cgo

package lxc

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// first is the host's ID of root in the unprivileged containers of the tests.
const first = 100000

// newUnprivilegedHost gives a host whose base is one for a user namespace.
func newUnprivilegedHost(t *testing.T) *Host {
	t.Helper()
	if text, err := os.ReadFile("/proc/sys/user/max_user_namespaces"); err != nil || strings.TrimSpace(string(text)) == "0" {
		t.Skip("this kernel makes no user namespaces")
	}
	path := newPath(t)
	h := newHost(t, path, "dir")
	// Whatever ranges this machine has: the child sees those of the test.
	ids := filepath.Join(path, ".ids")
	writeFile(t, ids, fmt.Sprintf("root:%d:65536\n", first))
	h.Child = append([]string{"unshare", "--mount", "sh", "-c", `
for file in /etc/subuid /etc/subgid; do
	[ ! -e "$file" ] || mount --bind "$0" "$file" || exit
done
exec "$@"`, ids}, child...)
	for dir := path; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(path, "base", "rootfs")
	mkdir(t, filepath.Join(root, "opt", "old"))
	err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, first, first)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(root), 0o711); err != nil {
		t.Fatal(err)
	}
	config, err := os.OpenFile(filepath.Join(path, "base", "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer config.Close()
	_, err = fmt.Fprintf(config, "lxc.include = /usr/share/lxc/config/userns.conf\nlxc.idmap = u 0 %d 65536\nlxc.idmap = g 0 %d 65536\n", first, first)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestRootInsideIsNobodyOutside(t *testing.T) {
	for _, backing := range []string{"overlay", "dir"} {
		t.Run("as "+backing, func(t *testing.T) { staysInside(t, newUnprivilegedHost(t), backing) })
	}
}

func staysInside(t *testing.T, h *Host, backing string) {
	ctx := t.Context()
	const name = "jlt-lxc-1"
	// A folder of the host as reports are mounted: one file for the
	// container, and one that is root's.
	lent := filepath.Join(filepath.Dir(h.Path), "lent")
	mkdir(t, lent)
	writeFile(t, filepath.Join(lent, "secret"), "secret\n")
	if err := os.Chmod(filepath.Join(lent, "secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(lent, first, first); err != nil {
		t.Fatal(err)
	}
	items := []string{"lxc.signal.halt = SIGUSR1", "lxc.mount.entry = " + lent + " lent none bind,create=dir 0 0"}
	if err := h.Clone(ctx, "base", name, backing, items); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(h.Path, name)); err != nil || info.Mode().Perm() != 0o710 || ownerOf(info) != 0 {
		t.Errorf("its folder: %v, %v; want one that only root may change", info, err)
	}
	if err := h.WriteFiles(ctx, name, hello(t)); err != nil {
		t.Fatal(err)
	}
	pid, err := h.Start(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil || ownerOf(info) != first {
		t.Errorf("its init: %v, %v; want one that runs as user %d", info, err, first)
	}
	for script, want := range map[string]string{
		"id -u; stat -c %u /etc/passwd /lent /lent/secret": "0\n0\n0\n65534\n",
		"cat /etc/hello": "hello\n",
		"cat /lent/secret 2>/dev/null || echo no":   "no\n",
		"echo a > /lent/report && cat /lent/report": "a\n",
		// What the base has is removed and made anew.
		"rm -r /opt/old && mkdir /opt/old && echo b > /opt/old/b && cat /opt/old/b": "b\n",
	} {
		if out, err := h.Run(ctx, name, []string{"sh", "-c", script}); err != nil || string(out) != want {
			t.Errorf("%s: %q, %v; want %q", script, out, err, want)
		}
	}
	if info, err := os.Stat(filepath.Join(lent, "report")); err != nil || ownerOf(info) != first {
		t.Errorf("what it wrote: %v, %v", info, err)
	}
	if err := h.Stop(ctx, name, time.Second); err != nil {
		t.Error(err)
	}
	if pid, err := h.Start(ctx, name); err != nil || pid == 0 {
		t.Errorf("started again: %d, %v", pid, err)
	}
	if out, err := h.Run(ctx, name, []string{"cat", "/opt/old/b"}); err != nil || string(out) != "b\n" {
		t.Errorf("after that: %q, %v", out, err)
	}
}

func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

func mkdir(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
