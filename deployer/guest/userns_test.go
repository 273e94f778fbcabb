package guest

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The root of an unprivileged container is mounted by its own root, so that
// nobody whom its user namespace does not know can make anything there.
func TestARootThatAUserNamespaceHasMounted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const first, other = 100000, 100033
	dir := t.TempDir()
	for d := dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	for _, folder := range []string{"lower/etc", "lower/app/others", "upper", "work", "merged"} {
		must(t, os.MkdirAll(filepath.Join(dir, folder), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(dir, "lower/etc/hosts"), []byte("old"), 0o644))
	must(t, filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, first, first)
	}))
	must(t, os.Chown(filepath.Join(dir, "lower/app"), other, other))
	must(t, os.Chmod(filepath.Join(dir, "lower/app"), 0o700))

	r := opened(t, filepath.Join(mounted(t, dir, first), "merged"))
	src := t.TempDir()
	must(t, os.WriteFile(filepath.Join(src, "a.jar"), []byte("jar"), 0o644))
	must(t, r.WriteFile("/etc/hosts", []byte("new"), 0o644))
	must(t, r.CopyTree(context.Background(), src, "/srv/app"))
	must(t, r.CopyTree(context.Background(), src, "/app")) // which is another user's, and of the lower layer
	must(t, r.WriteFiles([]File{
		{Name: "/etc/put"}, {Name: "/etc/link", Link: "/etc/none"}, {Name: "/etc/gate", Mode: fs.ModeNamedPipe | 0o600},
	}))
	for _, name := range []string{"etc/hosts", "srv", "srv/app", "srv/app/a.jar", "app/a.jar", "etc/put", "etc/link", "etc/gate"} {
		info, err := os.Lstat(filepath.Join(dir, "upper", name))
		must(t, err)
		if st := info.Sys().(*syscall.Stat_t); st.Uid != first || st.Gid != first {
			t.Errorf("%s belongs to %d:%d", name, st.Uid, st.Gid)
		}
	}
	if got, err := r.ReadFile("/etc/hosts"); string(got) != "new" || err != nil {
		t.Errorf("hosts: %q, %v", got, err)
	}
	if r.exists("/app/others") {
		t.Error("what was in a folder that is replaced is still there")
	}
}

// mounted mounts an overlay in a user namespace of a process, whose root it
// gives, seen from where dir is.
func mounted(t *testing.T, dir string, first int) string {
	t.Helper()
	script := fmt.Sprintf("cd %s && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr overlay merged && echo ready && exec cat", dir)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: first, Size: 65536}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: ids, GidMappings: ids,
		GidMappingsEnableSetgroups: true, Credential: &syscall.Credential{},
	}
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Skipf("no user namespace: %v", err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("mount: %q, %v, %s", line, err, &said)
	}
	return filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "root", dir)
}
