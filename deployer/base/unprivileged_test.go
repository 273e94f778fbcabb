package base

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const testFirst = 100000

func groupOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }

// passable gives a folder that other users can come to. It is in /tmp itself:
// where TMPDIR leads to may be a person's own.
func passable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "jlt-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// passableBuilder gives a builder whose folder clones can come to.
func passableBuilder(t *testing.T) *Store {
	t.Helper()
	b := builder(t)
	b.Path = passable(t)
	return b
}

func TestAnUnprivilegedBaseBelongsToTheRootOfItsClones(t *testing.T) {
	b := passableBuilder(t)
	lines := []string{
		"mkdir /x && echo x > /x/a && chown 33:34 /x/a && chmod 6755 /x/a",
		"ln /x/a /x/hard; ln -s /nowhere /x/link; mknod /x/zero c 1 5",
	}
	privileged := busybox(lines...)
	r := privileged
	r.First = testFirst
	if privileged.Hash() == r.Hash() {
		t.Error("both have one hash")
	}
	dir := filepath.Join(b.Path, ensure(t, b, r))
	root := filepath.Join(dir, "rootfs")
	seen := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen++
		st := info.Sys().(*syscall.Stat_t)
		uid, gid := uint32(testFirst), uint32(testFirst)
		if name == filepath.Join(root, "x/a") || name == filepath.Join(root, "x/hard") {
			uid, gid = testFirst+33, testFirst+34
		}
		if st.Uid != uid || st.Gid != gid {
			t.Errorf("%s belongs to %d:%d, want %d:%d", name, st.Uid, st.Gid, uid, gid)
		}
		if info.Mode()&fs.ModeDevice != 0 {
			t.Errorf("%s is a device", name)
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("%d files, %v", seen, err)
	}
	if info, err := os.Stat(filepath.Join(root, "x/a")); err != nil || info.Mode() != 0o755|fs.ModeSetuid|fs.ModeSetgid {
		t.Errorf("mode after the change of owner: %v, %v", info, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o710 || groupOf(info) != testFirst {
		t.Errorf("the folder: %v, %v", info, err)
	}
	for _, key := range []string{"lxc.idmap", "lxc.cap.drop"} {
		got := command(t, "lxc-info", "-P", b.Path, "-n", filepath.Base(dir), "-c", key)
		want := map[string]string{"lxc.idmap": "u 0 100000 65536", "lxc.cap.drop": "sys_module"}[key]
		if !strings.Contains(got, want) {
			t.Errorf("liblxc reads: %s", got)
		}
	}
}

func TestWhatAFileHoldsBelongsToClonesOrIsRefused(t *testing.T) {
	r := busybox()
	r.First = testFirst
	for _, c := range []struct {
		name string
		uid  int
		err  string
	}{
		{"root's of this host", 0, ""},
		{"the clones' root's", testFirst, ""},
		{"somebody else's", 70000, "it belongs to ID 70000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := passableBuilder(t)
			container, err := b.Import(deadline(t, time.Minute), r, forged(t, r, archive(t,
				tar.Header{Typeflag: tar.TypeDir, Name: "./", Uid: testFirst, Gid: testFirst},
				tar.Header{Typeflag: tar.TypeReg, Name: "./file", Uid: c.uid, Gid: c.uid},
				tar.Header{Typeflag: tar.TypeBlock, Name: "./disk", Devmajor: 8},
			), nil))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v; want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			root := filepath.Join(b.Path, container, "rootfs")
			info, err := os.Stat(filepath.Join(root, "file"))
			if err != nil || info.Sys().(*syscall.Stat_t).Uid != testFirst || groupOf(info) != testFirst {
				t.Errorf("%v, %v", info, err)
			}
			if _, err := os.Lstat(filepath.Join(root, "disk")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a device is there: %v", err)
			}
		})
	}
	file := forged(t, r, archive(t), nil)
	_, err := passableBuilder(t).Import(deadline(t, time.Minute), busybox(), file)
	if !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), `"100000", and here it is not given`) {
		t.Errorf("for a privileged one: %v", err)
	}
}
