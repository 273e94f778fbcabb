//go:build cgo

package lxc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

func TestTooMuchDataAreNotCopied(t *testing.T) {
	path := "/dev/shm" // which shares nothing
	path, err := os.MkdirTemp(path, "jlt-lxc-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	e, s := newData(t, path)
	e.DataCopyLimit = 1 << 20
	must(t, e.SaveData(t.Context(), "trial"))
	must(t, os.WriteFile(filepath.Join(s.live(), "data", "large"), make([]byte, 3<<20), 0o600))
	err = e.SaveData(t.Context(), "trial")
	if !errors.Is(err, deployer.ErrTooLarge) || !strings.Contains(fmt.Sprint(err), "they take 3 MiB, lxc.data_copy_limit is 1 MiB") {
		t.Errorf("saved: %v", err)
	}
	s.alone(t, "live", "saved") // the one before
	if there(filepath.Join(s.saved(), "data", "large")) {
		t.Error("it was copied")
	}
}

// disks are those of filesystems, each on an image of its own.
var disks = map[string][]string{
	"btrfs": {"mkfs.btrfs", "-q"},
	"ext4":  {"mkfs.ext4", "-q", "-b", "4096", "-m", "0", "-N", "2000"},
	"xfs":   {"mkfs.xfs", "-q"},
}

func TestDataOnEachKindOfDisk(t *testing.T) {
	for kind, mkfs := range disks {
		t.Run(kind, func(t *testing.T) {
			if _, err := exec.LookPath(mkfs[0]); err != nil {
				t.Skip(err)
			}
			at := mountDisk(t, mkfs...)
			shares, err := SharesBlocks(at)
			if err != nil || shares != (kind != "ext4") {
				t.Errorf("shares: %t, %v", shares, err)
			}
			if left := entries(at); slices.ContainsFunc(left, func(name string) bool { return name != "lost+found" }) {
				t.Errorf("to know that has left %q", left)
			}
			e, s := newData(t, at)
			if shares {
				e.DataCopyLimit = 0 // nothing is copied
			}
			restoresAll(t, e, s)
			large := filepath.Join(s.live(), "data", "large")
			must(t, os.WriteFile(large, bytes.Repeat([]byte("x"), 20<<20), 0o600))
			before := free(t, at)
			must(t, e.SaveData(t.Context(), "trial"))
			took := before - free(t, at)
			if isCopy := took > 10<<20; isCopy == shares {
				t.Errorf("a copy of 20 MiB takes %d bytes", took)
			}
			onFullDisk(t, e, s, at)
		})
	}
}

// onFullDisk has data saved and restored where nothing is free any more.
func onFullDisk(t *testing.T, e *Engine, s *store, at string) {
	t.Helper()
	dir := filepath.Join(s.live(), "data")
	saved := listed(t, dir)
	filling := filepath.Join(at, "filling")
	out, _ := exec.Command("dd", "if=/dev/zero", "of="+filling, "bs=64k").CombinedOutput()
	if !strings.Contains(string(out), "No space left") {
		t.Fatalf("the disk is not full: %s", out)
	}
	for n := range 4000 { // the inodes too, and what is left of the last block
		if os.WriteFile(filepath.Join(at, fmt.Sprint("full-", n)), []byte("x"), 0o600) != nil {
			break
		}
	}
	spoil := filepath.Join(dir, "file")
	must(t, os.Remove(spoil))
	if err := e.SaveData(t.Context(), "trial"); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("saved on a full disk: %v", err)
	}
	s.alone(t, "live", "saved") // the one before
	must(t, e.RestoreData(t.Context(), "trial"))
	s.alone(t, "live")
	if after := listed(t, dir); after != saved {
		t.Errorf("they were\n%s\nand are\n%s", saved, after)
	}
}

func free(t *testing.T, at string) int64 {
	t.Helper()
	unix.Sync()
	var st unix.Statfs_t
	must(t, unix.Statfs(at, &st))
	return int64(st.Bavail) * st.Bsize
}
