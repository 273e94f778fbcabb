//go:build cgo

package lxc

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWhatIsMountedInAContainerIsNotRemovedWithIt has somebody mount a folder
// of the same filesystem, and one of another, where a removal comes by.
func TestWhatIsMountedInAContainerIsNotRemovedWithIt(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	const name = "jlt-lxc-1"
	folder := filepath.Join(h.Path, name)
	for _, kind := range []string{"the same filesystem", "another one"} {
		for _, backing := range []string{"overlay", "dir"} {
			t.Run("of "+kind+", in a clone as "+backing, func(t *testing.T) {
				if err := h.Clone(t.Context(), "base", name, backing, nil); err != nil {
					t.Fatal(err)
				}
				theirs, at := t.TempDir(), filepath.Join(folder, "rootfs", "mnt")
				mkdir(t, at)
				mount := []string{"mount", "--bind", theirs, at}
				if kind == "another one" {
					mount = []string{"mount", "-t", "tmpfs", "jlt-lxc", at}
				}
				if out, err := exec.Command(mount[0], mount[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
				precious := filepath.Join(at, "precious")
				writeFile(t, precious, "theirs\n")
				for range 2 { // what the first attempt has left is no way in for the second
					err := h.Destroy(t.Context(), name)
					if err == nil || !strings.Contains(err.Error(), at) || !strings.Contains(err.Error(), "umount") {
						t.Errorf("the removal said %v", err)
					}
				}
				if text, err := os.ReadFile(precious); err != nil || string(text) != "theirs\n" {
					t.Errorf("what was mounted holds %q, %v", text, err)
				}
				if err := syscall.Unmount(at, 0); err != nil {
					t.Fatal(err)
				}
				if err := h.Destroy(t.Context(), name); err != nil {
					t.Errorf("after the umount: %v", err)
				}
				if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("its folder is left: %v", err)
				}
			})
		}
	}
}
