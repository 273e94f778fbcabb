package guest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func mkfifo(t *testing.T, name string) {
	t.Helper()
	if err := unix.Mkfifo(name, 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// image is a root as stock images have them, with links that are absolute and
// mean the root they are in. The host's folder beside it holds a canary.
func image(t *testing.T) (r *Root, inside, outside string) {
	t.Helper()
	top := t.TempDir()
	inside, outside = filepath.Join(top, "root"), filepath.Join(top, "host")
	for _, dir := range []string{"etc", "run", "var/log", "usr/bin", "tmp"} {
		must(t, os.MkdirAll(filepath.Join(inside, dir), 0o755))
	}
	must(t, os.MkdirAll(outside, 0o755))
	must(t, os.WriteFile(filepath.Join(outside, "hosts"), []byte("canary"), 0o600))
	for name, target := range map[string]string{"var/run": "/run", "bin": "usr/bin", "var/tmp": "../tmp"} {
		must(t, os.Symlink(target, filepath.Join(inside, name)))
	}
	return opened(t, inside), inside, outside
}

// opened is a Root that is closed with the test.
func opened(t *testing.T, dir string) *Root {
	t.Helper()
	r, err := OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// untouched checks that the host's folder is as image made it.
func untouched(t *testing.T, outside string) {
	t.Helper()
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the host's folder holds %v, %v; want hosts alone", entries, err)
	}
	if data, err := os.ReadFile(filepath.Join(outside, "hosts")); err != nil || string(data) != "canary" {
		t.Fatalf("the host's file is %q, %v", data, err)
	}
}

func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	return string(data)
}

// noTemporaries checks that nothing half-made is left.
func noTemporaries(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && temporary(d.Name()) {
			t.Errorf("%s is left", path)
		}
		return err
	}))
}

func TestWriteFile(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		prepare    func(t *testing.T, inside, outside string)
		want       string // where the bytes must be, inside; "" for an error
	}{
		{name: "a new file", file: "/etc/hosts", want: "etc/hosts"},
		{name: "a name without the slash", file: "etc/hosts", want: "etc/hosts"},
		{name: "parents that are missing", file: "/a/b/c", want: "a/b/c"},
		{name: "through an absolute link of a stock image", file: "/var/run/x.pid", want: "run/x.pid"},
		{name: "through a relative one, with the dots in it", file: "/var/tmp/y/x", want: "tmp/y/x"},
		{name: "a link to a file is followed inside the root", file: "/etc/hosts", want: "run/hosts",
			prepare: func(t *testing.T, inside, _ string) {
				must(t, os.Symlink("/run/hosts", filepath.Join(inside, "etc/hosts")))
			}},
		{name: "a relative link in a linked folder starts where the folder is", file: "/var/run/h", want: "etc/h",
			prepare: func(t *testing.T, inside, _ string) {
				must(t, os.Symlink("../etc/h", filepath.Join(inside, "run/h")))
			}},
		{name: "a link to the host's file means the container's", file: "/etc/hosts", want: "%host%/hosts",
			prepare: func(t *testing.T, inside, outside string) {
				must(t, os.Symlink(outside+"/hosts", filepath.Join(inside, "etc/hosts")))
			}},
		{name: "dots that would leave the root end at it", file: "/etc/hosts", want: "hosts",
			prepare: func(t *testing.T, inside, _ string) {
				must(t, os.Symlink("../../../../hosts", filepath.Join(inside, "etc/hosts")))
			}},
		{name: "dots in the name itself", file: "/etc/../../x"},
		{name: "no name", file: "/"},
		{name: "a zero byte", file: "a\x00b"},
		{name: "a folder", file: "/etc"},
		{name: "a folder by a link", file: "/var/run"},
		{name: "a file where a folder is wanted", file: "/etc/f/x",
			prepare: func(t *testing.T, inside, _ string) {
				must(t, os.WriteFile(filepath.Join(inside, "etc/f"), nil, 0o644))
			}},
		{name: "links in a circle", file: "/etc/hosts",
			prepare: func(t *testing.T, inside, _ string) {
				must(t, os.Symlink("hosts2", filepath.Join(inside, "etc/hosts")))
				must(t, os.Symlink("/etc/hosts", filepath.Join(inside, "etc/hosts2")))
			}},
		{name: "folders linked in a circle", file: "/loop/x",
			prepare: func(t *testing.T, inside, _ string) { must(t, os.Symlink("loop", filepath.Join(inside, "loop"))) }},
		{name: "a FIFO that nobody reads", file: "/etc/hosts",
			prepare: func(t *testing.T, inside, _ string) { mkfifo(t, filepath.Join(inside, "etc/hosts")) }},
		{name: "a socket", file: "/etc/hosts",
			prepare: func(t *testing.T, inside, _ string) {
				must(t, unix.Mknod(filepath.Join(inside, "etc/hosts"), unix.S_IFSOCK|0o644, 0))
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, inside, outside := image(t)
			if tc.prepare != nil {
				tc.prepare(t, inside, outside)
			}
			err := r.WriteFile(tc.file, []byte("new"), 0o640)
			untouched(t, outside)
			noTemporaries(t, inside)
			if tc.want == "" {
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			must(t, err)
			name := filepath.Join(inside, strings.ReplaceAll(tc.want, "%host%", outside))
			if got := content(t, name); got != "new" {
				t.Errorf("%s holds %q", name, got)
			}
			if data, err := r.ReadFile(tc.file); err != nil || string(data) != "new" {
				t.Errorf("read back: %q, %v", data, err)
			}
			if info, err := os.Stat(name); err != nil || info.Mode() != 0o640 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestWriteFileKeepsOwnerAndModeAndIgnoresTheUmask(t *testing.T) {
	r, inside, _ := image(t)
	defer syscall.Umask(syscall.Umask(0o077))
	must(t, r.WriteFile("/new/file", []byte("x"), 0o666))
	for name, want := range map[string]fs.FileMode{"new": fs.ModeDir | 0o755, "new/file": 0o666} {
		if info, err := os.Stat(filepath.Join(inside, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	name := filepath.Join(inside, "etc/hosts")
	must(t, os.WriteFile(name, []byte("a much longer old content"), 0o600))
	must(t, os.Chmod(name, 0o464))
	if os.Geteuid() == 0 {
		must(t, os.Chown(name, 1234, 4321))
	}
	must(t, r.WriteFile("/etc/hosts", []byte("new"), 0o600))
	info, err := os.Stat(name)
	must(t, err)
	st := info.Sys().(*syscall.Stat_t)
	if info.Mode() != 0o464 || os.Geteuid() == 0 && (st.Uid != 1234 || st.Gid != 4321) {
		t.Errorf("now %v of %d:%d", info.Mode(), st.Uid, st.Gid)
	}
}

func TestReadRefusesWhatCouldBlock(t *testing.T) {
	r, inside, _ := image(t)
	mkfifo(t, filepath.Join(inside, "fifo"))
	big, err := os.Create(filepath.Join(inside, "big"))
	must(t, err)
	must(t, big.Truncate(maxFile+1))
	big.Close()
	for _, name := range []string{"/fifo", "/etc", "/big"} {
		if _, err := r.ReadFile(name); err == nil {
			t.Errorf("read %s", name)
		}
	}
	if _, err := r.ReadFile("/none"); !isNotExist(err) {
		t.Errorf("of none: %v, want fs.ErrNotExist", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("devices need root")
	}
	must(t, unix.Mknod(filepath.Join(inside, "etc/hosts"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
	if _, err := r.ReadFile("/etc/hosts"); !errors.Is(err, ErrIrregular) {
		t.Errorf("of a device: %v", err)
	}
	if err := r.WriteFile("/etc/hosts", nil, 0o644); !errors.Is(err, ErrIrregular) {
		t.Errorf("into a device: %v", err)
	}
}

func TestTheKernelsOwnFilesAreNoFiles(t *testing.T) {
	r := opened(t, "/proc/self/root")
	if _, err := r.ReadFile("/proc/version"); !errors.Is(err, ErrIrregular) {
		t.Errorf("read: %v", err)
	}
	if err := r.WriteFile("/proc/self/comm", []byte("x"), 0o644); !errors.Is(err, ErrIrregular) {
		t.Errorf("write: %v", err)
	}
	if _, err := r.ReadFile("/proc/self/root/etc/hostname"); err == nil {
		t.Error("a link of /proc was followed")
	}
}

func TestWhatIsMadeBelongsToTheRootsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	_, inside, _ := image(t)
	must(t, os.Chown(inside, 100000, 100000))
	r := opened(t, inside)
	src := t.TempDir()
	must(t, os.WriteFile(filepath.Join(src, "a.jar"), nil, 0o644))
	must(t, r.WriteFile("/new/file", nil, 0o644))
	must(t, r.CopyTree(context.Background(), src, "/app"))
	must(t, r.WriteFiles([]File{
		{Name: "/new/put"}, {Name: "/new/link", Link: "/etc/none"}, {Name: "/new/gate", Mode: fs.ModeNamedPipe | 0o600},
	}))
	for _, name := range []string{"new", "new/file", "app", "app/a.jar", "new/put", "new/link", "new/gate"} {
		info, err := os.Lstat(filepath.Join(inside, name))
		must(t, err)
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 100000 || st.Gid != 100000 {
			t.Errorf("%s belongs to %d:%d", name, st.Uid, st.Gid)
		}
	}
}
