package host

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

// base makes a base whose root holds files; names that end with a slash are
// folders.
func base(t *testing.T, path, name string, files ...string) {
	t.Helper()
	root := filepath.Join(path, name, "rootfs")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(path, name, "config"), "lxc.rootfs.path = dir:"+root+"\n")
	for _, f := range files {
		at := filepath.Join(root, f)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "/") {
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, at, f)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestInitIsThatOfTheBase(t *testing.T) {
	m := NewMachine(configuration(t, ""), nil)
	base(t, m.Path, "upstart", "sbin/init", "sbin/initctl", "etc/init/")
	base(t, m.Path, "openrc", "sbin/init", "sbin/openrc")
	base(t, m.Path, "empty")
	base(t, m.Path, "systemd", "lib/systemd/systemd", "sbin/")
	if err := os.Symlink("/lib/systemd/systemd", filepath.Join(m.Path, "systemd/rootfs/sbin/init")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		base string
		want guest.Init
		err  string // in the error
	}{
		{"systemd", guest.Systemd, ""},
		{"upstart", guest.Upstart, ""},
		{"openrc", "", "base openrc: detect init: "},
		{"empty", "", "base empty: detect init: "},
		{"none", "", "there is no base none in " + m.Path + ": build it with jarloop provision"},
	} {
		t.Run(c.base, func(t *testing.T) {
			got, err := m.Init(t.Context(), c.base)
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v; want %q, %q", got, err, c.want, c.err)
			}
		})
	}
}

func TestInitIsLookedForOnce(t *testing.T) {
	m := NewMachine(configuration(t, ""), nil)
	if _, err := m.Init(t.Context(), "b"); err == nil {
		t.Error("there is no base yet")
	}
	base(t, m.Path, "b", "sbin/init", "sbin/initctl", "etc/init/")
	for _, moment := range []string{"a base that has come", "a base that has gone"} {
		if got, err := m.Init(t.Context(), "b"); got != guest.Upstart || err != nil {
			t.Errorf("%s: %q, %v", moment, got, err)
		}
		if err := os.RemoveAll(filepath.Join(m.Path, "b")); err != nil {
			t.Fatal(err)
		}
	}
}

// child gives a command that answers a call of liblxc with "done", and the
// file that will hold what it was asked.
func child(t *testing.T) (argv []string, asked string) {
	asked = filepath.Join(t.TempDir(), "asked")
	return []string{"/bin/sh", "-c", "cat > $0; echo '{}'", asked}, asked
}

func TestACloneIsOfTheConfiguredBacking(t *testing.T) {
	for _, backing := range []string{"auto", "overlay", "btrfs", "zfs", "dir"} {
		t.Run(backing, func(t *testing.T) {
			argv, asked := child(t)
			c := configuration(t, "backing = \""+backing+"\"")
			m := NewMachine(c, argv)
			if err := m.Clone(t.Context(), "service-base", "web-3", []string{"lxc.uts.name = web-3"}); err != nil {
				t.Fatal(err)
			}
			head, _ := request(t, asked)
			for key, want := range map[string]any{"Backing": backing, "Base": "service-base", "Name": "web-3", "Path": c.LXC.Path} {
				if head[key] != want {
					t.Errorf("%s is %v, want %v", key, head[key], want)
				}
			}
		})
	}
}

func TestAlive(t *testing.T) {
	m := NewMachine(configuration(t, ""), nil)
	if !m.Alive(os.Getpid()) {
		t.Error("this process is not alive")
	}
	if m.Alive(ended(t)) {
		t.Error("a process that has ended is alive")
	}
	zombie := exec.CommandContext(t.Context(), "true")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = zombie.Wait() }()
	for deadline := time.Now().Add(soon); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(filepath.Join("/proc", itoa(zombie.Process.Pid), "stat"))
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("no zombie: %s, %v", stat, err)
		}
		if strings.Contains(string(stat), ") Z ") {
			break
		}
	}
	if !m.Alive(zombie.Process.Pid) {
		t.Error("a process that its parent has not buried yet is not alive")
	}
}

func TestRootIsThatOfTheProcess(t *testing.T) {
	m := NewMachine(configuration(t, ""), nil)
	if root, err := m.Root(ended(t)); root != nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("of a process that has ended: %v, %v", root, err)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a process a root of its own")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mark"), "inside")
	root, err := m.Root(process(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := root.Open("/mark")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := make([]byte, 16)
	if n, _ := f.Read(text); string(text[:n]) != "inside" {
		t.Errorf("its file holds %q", text[:n])
	}
}

func TestFolder(t *testing.T) {
	m := NewMachine(configuration(t, ""), nil)
	if got, want := m.Folder("web-3"), m.Path+"/web-3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestReportsAreLentToTheOwnerOfTheBasesRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving files away needs root")
	}
	m := NewMachine(configuration(t, ""), nil)
	base(t, m.Path, "privileged")
	base(t, m.Path, "unprivileged")
	const first = 100000
	if err := os.Chown(filepath.Join(m.Path, "unprivileged/rootfs"), first, first); err != nil {
		t.Fatal(err)
	}
	above, err := os.MkdirTemp("/tmp", "jlt-") // where TMPDIR leads to may be a person's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(above) })
	if err := os.Chmod(above, 0o711); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(above, "reports")
	if err := errors.Join(os.Mkdir(folder, 0o755), os.Chmod(folder, 0o755)); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	is := func(owner uint32, mode fs.FileMode) {
		t.Helper()
		info, err := os.Stat(folder)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != owner || info.Mode().Perm() != mode {
			t.Errorf("%v, %v; want mode %v of user %d", info, err, mode, owner)
		}
	}
	if err := m.Lend("privileged", folder); err != nil {
		t.Error(err)
	}
	is(0, 0o755)
	if err := os.Chmod(above, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := m.Lend("unprivileged", folder); err == nil || !strings.Contains(err.Error(), "cannot pass "+above+": chmod o+x "+above) {
		t.Errorf("a folder that cannot be come to: %v", err)
	}
	is(0, 0o755)
	if err := errors.Join(os.Chown(above, 0, first), os.Chmod(above, 0o710)); err != nil {
		t.Fatal(err)
	}
	if err := m.Lend("unprivileged", folder); err != nil {
		t.Error(err)
	}
	is(first, 0o700)
}
