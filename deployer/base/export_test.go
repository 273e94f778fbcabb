package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// peculiar makes what a careless copy of a root would lose.
const peculiar = `mkdir -p /srv/p && cd /srv/p && echo text > file && chown 1234:4321 file && chmod 4751 file &&
	ln file hard && ln -s /etc/passwd absolute && ln -s ../../etc up && mknod disk b 7 200 && mknod pipe p &&
	mkdir -m 3775 sticky && chown 99:98 sticky && : > capable && : > "new
line" && dd if=/dev/zero of=sparse bs=1 count=1 seek=4194304 2>/dev/null && touch -d '2001-02-03 04:05:06' file`

// exported gives a builder with the peculiar base, and the file it is in.
func exported(t *testing.T) (b *Store, r Recipe, file string) {
	t.Helper()
	b, r = builder(t), busybox(peculiar)
	dir := filepath.Join(b.Path, ensure(t, b, r), "rootfs/srv/p")
	for _, a := range []struct{ file, name, value string }{
		{"capable", "security.capability", "\x01\x00\x00\x02\x00\x20" + strings.Repeat("\x00", 14)}, // cap_net_raw+ep
		{"file", "user.note", "kept"},
		{"sticky", "trusted.note", "kept"},
	} {
		if err := unix.Lsetxattr(filepath.Join(dir, a.file), a.name, []byte(a.value), 0); err != nil {
			t.Fatalf("%s of %s: %v", a.name, a.file, err)
		}
	}
	file = filepath.Join(t.TempDir(), "base.tar.zst")
	size, err := b.Export(deadline(t, time.Minute), r, file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() != size {
		t.Fatalf("the file: %v, %v; exported were %d bytes", info, err, size)
	}
	return b, r, file
}

// tree describes everything below dir that a copy has to keep.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all, first := map[string]string{}, map[uint64]string{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var s unix.Stat_t
		if err := unix.Lstat(path, &s); err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		text := fmt.Sprintf("%o %d:%d %d links %d.%d", s.Mode, s.Uid, s.Gid, s.Nlink, s.Mtim.Sec, s.Mtim.Nsec)
		switch s.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %d bytes, %x", s.Size, content[:min(64, len(content))])
			if _, there := first[s.Ino]; !there {
				first[s.Ino] = name
			}
			text += " is " + first[s.Ino]
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " to " + to
		case unix.S_IFBLK, unix.S_IFCHR:
			text += fmt.Sprintf(" device %x", s.Rdev)
		}
		all[name] = text + attributes(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func attributes(t *testing.T, path string) string {
	t.Helper()
	list := make([]byte, 4096)
	n, err := unix.Llistxattr(path, list)
	if errors.Is(err, unix.ENOTSUP) {
		return ""
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var text []string
	for _, name := range strings.FieldsFunc(string(list[:n]), func(r rune) bool { return r == 0 }) {
		value := make([]byte, 4096)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			t.Fatalf("%s: %s: %v", path, name, err)
		}
		text = append(text, fmt.Sprintf(" %s=%x", name, value[:n]))
	}
	slices.Sort(text)
	return strings.Join(text, "")
}

func TestABaseIsTheSameAfterExportAndImport(t *testing.T) {
	b, r, file := exported(t)
	var steps []string
	other := &Store{Path: filepath.Join(t.TempDir(), "lxc"), Bridge: "jltbr9", Progress: func(p Progress) {
		if p.Doing != "importing" || p.Base != r.Name {
			t.Errorf("reported: %+v", p)
		}
		if p.Line == "" {
			steps = append(steps, p.Step)
		}
	}}
	leftByAKilledImport(t, other, r)
	container, err := other.Import(deadline(t, time.Minute), r, file)
	if err != nil {
		t.Fatal(err)
	}
	before, after := tree(t, filepath.Join(b.Path, container, "rootfs")), tree(t, filepath.Join(other.Path, container, "rootfs"))
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{
		"srv/p/hard": "is srv/p/file", "srv/p/disk": "device 7c8", "srv/p/capable": "security.capability=",
		"srv/p/file": "user.note=", "srv/p/sticky": "trusted.note=",
	} {
		if !strings.Contains(after[name], want) {
			t.Errorf("%s: %q, which lacks %q", name, after[name], want)
		}
	}
	if info, err := os.Stat(filepath.Join(other.Path, container, "rootfs/srv/p/sparse")); err != nil {
		t.Error(err)
	} else if s := info.Sys().(*syscall.Stat_t); s.Blocks*512 >= info.Size() {
		t.Errorf("%d bytes take %d on disk", info.Size(), s.Blocks*512)
	}
	if want := []string{"unpack", "write it to disk"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	wantContainer(t, b, other, container)

	// Provisioning has nothing to do.
	if _, built, err := other.Ensure(t.Context(), r); err != nil || built {
		t.Errorf("built again: %v, %v", built, err)
	}
	if _, err := other.Import(deadline(t, time.Minute), r, file); err == nil || !strings.Contains(err.Error(), "it is there already") {
		t.Errorf("imported twice: %v", err)
	}
	if err := other.Remove(deadline(t, time.Minute), container); err != nil {
		t.Error(err)
	}
	wantEmpty(t, other.Path)
}

// leftByAKilledImport makes half a base.
func leftByAKilledImport(t *testing.T, b *Store, r Recipe) {
	t.Helper()
	dir := filepath.Join(b.Path, r.Container())
	for _, name := range []string{"unpack", "rootfs/left"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeMark(dir, mark{Recipe: r, Hash: r.Hash(), Container: r.Container(), Begun: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// wantContainer wants a configuration that says the same, but for the paths
// and the bridge, and a mark that says when the base was built.
func wantContainer(t *testing.T, b, other *Store, container string) {
	t.Helper()
	var configs []string
	for _, path := range []string{b.Path, other.Path} {
		text, err := os.ReadFile(filepath.Join(path, container, "config"))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, strings.Join(strings.Fields(strings.NewReplacer(path, "PATH", `"`, "").Replace(line)), " "))
			}
		}
		slices.Sort(lines)
		configs = append(configs, strings.Join(lines, "\n"))
	}
	want := strings.ReplaceAll(configs[0], "lxc.net.0.type = empty",
		"lxc.net.0.flags = up\nlxc.net.0.hwaddr = 00:16:3e:xx:xx:xx\nlxc.net.0.link = jltbr9\nlxc.net.0.type = veth")
	if diff := cmp.Diff(want, configs[1]); diff != "" {
		t.Error(diff)
	}
	built, err := b.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	imported, err := other.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(built, imported); diff != "" {
		t.Error(diff)
	}
}

func TestExportRefusesAndLeavesNoFile(t *testing.T) {
	b, r := builder(t), busybox()
	dir := t.TempDir()
	file := filepath.Join(dir, "base")
	refused := func(ctx context.Context, r Recipe, file, want string) {
		t.Helper()
		if _, err := b.Export(ctx, r, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		wantEmpty(t, dir)
	}
	refused(t.Context(), r, file, "it is not built: jarloop provision jlt-base-bb")
	container := ensure(t, b, r)
	refused(t.Context(), Recipe{Name: "elsewhere"}, file, "it has no recipe")
	refused(t.Context(), r, filepath.Join(dir, "none", "base"), "no such file or directory")

	ctx, cancel := context.WithCancelCause(t.Context())
	b.Progress = func(p Progress) {
		if p.Step == "pack" {
			cancel(errors.New("no more"))
		}
	}
	refused(ctx, r, file, "no more")

	b.Progress = func(p Progress) {
		if p.Step == "pack" && p.Line == "" {
			if err := os.Rename(filepath.Join(b.Path, container, "rootfs"), filepath.Join(b.Path, container, "gone")); err != nil {
				t.Error(err)
			}
		}
	}
	refused(t.Context(), r, file, "tar: ")
	if err := os.Rename(filepath.Join(b.Path, container, "gone"), filepath.Join(b.Path, container, "rootfs")); err != nil {
		t.Fatal(err)
	}

	b.Progress = nil
	script(t, "lxc-info", "echo RUNNING")
	if _, err := b.Export(t.Context(), r, file); !errors.Is(err, ErrRunning) {
		t.Errorf("a base that runs: %v", err)
	}
	wantEmpty(t, dir)

	writeFile(t, file, "mine", 0o644)
	if _, err := b.Export(t.Context(), r, file); err == nil || !strings.Contains(err.Error(), "the file exists") {
		t.Errorf("a file that exists: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file is %q now, %v", text, err)
	}
}
