package host

import (
	"bytes"
	"encoding/json"
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

// request reads the head of what a child was asked, and gives the rest.
func request(t *testing.T, asked string) (head map[string]any, rest []byte) {
	t.Helper()
	text, err := os.ReadFile(asked)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&head); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return head, text[decoder.InputOffset():]
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

func TestWhatFillSendsWriteFilesWrites(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to the container's owner")
	}
	argv, asked := child(t)
	files := []guest.File{
		{Name: "/etc/hostname", Mode: 0o644, Data: []byte("web-3\n")},
		{Name: "/opt/new/bin/run", Mode: 0o755, Data: []byte("#!/bin/sh\n")},
		{Name: "/etc/resolv.conf", Mode: 0o600, Data: []byte{0, 0xff, '"', '\n'}}, // any bytes, in place of a link
		{Name: "/etc/systemd/wants/web.service", Link: "../web.service"},
		{Name: "/etc/empty", Mode: 0o644},
	}
	if err := NewMachine(configuration(t, ""), argv).Fill(t.Context(), "web-3", files); err != nil {
		t.Fatal(err)
	}
	head, rest := request(t, asked)
	if head["Name"] != "web-3" {
		t.Errorf("it is about %v", head["Name"])
	}

	outside, root := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "victim"), "mine")
	if err := errors.Join(os.Mkdir(filepath.Join(root, "etc"), 0o755),
		os.Symlink(filepath.Join(outside, "victim"), filepath.Join(root, "etc/resolv.conf")),
		os.Symlink(outside, filepath.Join(root, "opt"))); err != nil {
		t.Fatal(err)
	}
	// A link out of the root leads back into it.
	if err := os.MkdirAll(filepath.Join(root, outside), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFiles(root, bytes.NewReader(rest)); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		at := filepath.Join(root, f.Name)
		if inOpt, found := strings.CutPrefix(f.Name, "/opt/"); found {
			at = filepath.Join(root, outside, inOpt)
		}
		if f.Link != "" {
			if link, err := os.Readlink(at); err != nil || link != f.Link {
				t.Errorf("%s leads to %q, %v", f.Name, link, err)
			}
			continue
		}
		data, err := os.ReadFile(at)
		info, e := os.Lstat(at)
		if err != nil || e != nil || !bytes.Equal(data, f.Data) || info.Mode() != f.Mode {
			t.Errorf("%s is %q, %v (%v, %v)", f.Name, data, info.Mode(), err, e)
		}
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside are %v, %v", left, err)
	}
	if text, err := os.ReadFile(filepath.Join(outside, "victim")); err != nil || string(text) != "mine" {
		t.Errorf("the file outside holds %q, %v", text, err)
	}
}

func TestWriteFilesSaysWhatItCannotWrite(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc/hosts"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dir, files, want string }{
		{"a list that is cut off", root, `[{"Name":"/etc/ho`, "unexpected EOF"},
		{"no list", root, ``, "EOF"},
		{"a root that is not there", root + "/none", `[]`, "open root " + root + "/none: no such file or directory"},
		{"a folder in the way", root, `[{"Name":"/etc/hosts","Mode":420}]`, "put /etc/hosts in " + root + ": is a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := WriteFiles(c.dir, strings.NewReader(c.files)); err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
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
	above := t.TempDir()
	for dir := above; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(above, "reports")
	if err := os.Mkdir(folder, 0o755); err != nil {
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
