package guest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// inMounts runs do on a thread in a mount namespace of its own, which goes
// with it.
func inMounts(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
			t.Errorf("leave the mount namespace: %v", err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Errorf("make mounts private: %v", err)
			return
		}
		do()
	})
	wg.Wait()
}

func TestMountsInsideTheRootStay(t *testing.T) {
	_, inside, _ := image(t)
	shared := t.TempDir()
	plant(t, shared, map[string]string{"data": "d", "hosts": "old hosts"})
	src := t.TempDir()
	plant(t, src, map[string]string{"a.jar": "1"})
	plant(t, inside, map[string]string{"etc/hosts": "", "app/data/x": "", "mounted/x": ""})
	inMounts(t, func() {
		bind := func(from, to string) {
			if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
				t.Errorf("bind %s: %v", to, err)
			}
		}
		bind(filepath.Join(shared, "hosts"), filepath.Join(inside, "etc/hosts"))
		bind(shared, filepath.Join(inside, "app/data"))
		bind(t.TempDir(), filepath.Join(inside, "mounted"))
		r := opened(t, inside)
		if err := r.WriteFile("/etc/hosts", []byte("new"), 0o644); err != nil {
			t.Errorf("write through a bind mount: %v", err)
		}
		if got := content(t, filepath.Join(shared, "hosts")); got != "new" {
			t.Errorf("what is mounted holds %q", got)
		}
		if err := r.CopyTree(context.Background(), src, "/app"); err != nil {
			t.Errorf("copy over a tree with a mount in it: %v", err)
		}
		want := map[string]string{"a.jar": "1", "data/data": "d", "data/hosts": "new"}
		if d := cmp.Diff(want, tree(t, filepath.Join(inside, "app"))); d != "" {
			t.Errorf("with a mount below (-want +got):\n%s", d)
		}
		if err := removed(r, "/app"); !errors.Is(err, errMounted) {
			t.Errorf("remove a tree with a mount in it: %v", err)
		}
		if err := r.CopyTree(context.Background(), src, "/mounted"); err != nil {
			t.Errorf("copy into a mount: %v", err)
		}
		if d := cmp.Diff(map[string]string{"a.jar": "1"}, tree(t, filepath.Join(inside, "mounted"))); d != "" {
			t.Errorf("in the mount (-want +got):\n%s", d)
		}
	})
	if got := content(t, filepath.Join(shared, "data")); got != "d" {
		t.Errorf("a file that was mounted holds %q", got)
	}
}

func TestAnOverlaysLowerFoldersAreReplacedFileByFile(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"lower/app/old", "upper", "work", "root"} {
		must(t, os.MkdirAll(filepath.Join(top, dir), 0o755))
	}
	plant(t, filepath.Join(top, "lower"), map[string]string{"app/a.jar": "base", "app/gone": "base", "etc/hosts": "base"})
	src := t.TempDir()
	plant(t, src, map[string]string{"a.jar": "1", "sub/b": "2"})
	inMounts(t, func() {
		root := filepath.Join(top, "root")
		options := "lowerdir=" + top + "/lower,upperdir=" + top + "/upper,workdir=" + top + "/work"
		if err := unix.Mount("overlay", root, "overlay", 0, options); err != nil {
			t.Errorf("mount %s: %v", options, err)
			return
		}
		r := opened(t, root)
		for _, dst := range []string{"/app", "/fresh", "/fresh", "/app"} {
			if err := r.CopyTree(context.Background(), src, dst); err != nil {
				t.Errorf("%s: %v", dst, err)
			}
			if d := cmp.Diff(map[string]string{"a.jar": "1", "sub/b": "2"}, tree(t, root+dst)); d != "" {
				t.Errorf("%s (-want +got):\n%s", dst, d)
			}
		}
		if err := r.WriteFile("/etc/hosts", []byte("new"), 0o644); err != nil || content(t, root+"/etc/hosts") != "new" {
			t.Errorf("write a file of the base: %v", err)
		}
		noTemporaries(t, root)
	})
	if got := tree(t, filepath.Join(top, "lower")); got["app/a.jar"] != "base" || got["etc/hosts"] != "base" {
		t.Errorf("the base was changed: %v", got)
	}
}
