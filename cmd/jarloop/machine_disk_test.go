package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk gives a folder on an ext4 of its own, of 2000 inodes and 8000
// blocks.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	image, at := filepath.Join(t.TempDir(), "image"), t.TempDir()
	for _, argv := range [][]string{
		{"truncate", "-s", "32M", image},
		{"mkfs.ext4", "-q", "-b", "4096", "-m", "0", "-N", "2000", "-O", "^has_journal", image},
		{"mount", "-o", "loop", image, at},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", argv, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return at
}

// fullTest fills the disk, and frees a little at a time until a deploy goes
// well: until then each is held back, at one step after the other.
func (f *faulty) fullTest(t *testing.T) {
	filling := filepath.Join(f.LXC, "filling")
	for what, size := range map[string]int{"blocks": 4096, "inodes": 0} {
		if err := os.Mkdir(filling, 0o755); err != nil {
			t.Fatal(err)
		}
		f.fill(filling, size)
		live, left, version := f.live()["page"], f.left(), f.version()
		steps := map[string]int{}
		from := f.agent.now()
		for n := 0; ; n++ {
			began := time.Now()
			l := f.deploy()
			if l.Message == "live" {
				break
			}
			if took := l.at.Sub(began); took > 10*time.Second {
				t.Errorf("it took %s to say %s", took, l.text)
			}
			step := l.Step
			if strings.Contains(l.Reason, "make room for the container") { // the first part of clone
				step = "claim"
			}
			steps[step]++
			f.held(l, live, left, version, "no space left on device")
			for i := range 4 {
				if err := os.Remove(filepath.Join(filling, fmt.Sprint(4*n+i))); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Logf("with no %s left, held back: %v", what, steps)
		if len(steps) < 3 {
			t.Errorf("with no %s left deploys were held back at %v only", what, steps)
		}
		f.agent.await(from, "retired", "page")
		if err := os.RemoveAll(filling); err != nil {
			t.Fatal(err)
		}
	}

	if err := os.Mkdir(filling, 0o755); err != nil {
		t.Fatal(err)
	}
	f.fill(filling, 0)
	f.holds("no space left on device", "tried again when there is more room")
	from := f.agent.now()
	if err := os.RemoveAll(filling); err != nil {
		t.Fatal(err)
	}
	f.agent.await(from, "live", "page") // by itself
	f.serves(f.saved)
	f.agent.await(from, "retired", "page")
}

// fill makes files of the size, named by number, until there is no room for
// another.
func (f *faulty) fill(folder string, size int) {
	f.t.Helper()
	if size > 0 {
		// All but some in one, which takes no time.
		var s unix.Statfs_t
		if err := unix.Statfs(folder, &s); err != nil {
			f.t.Fatal(err)
		}
		big, err := os.Create(filepath.Join(folder, "big"))
		if err != nil {
			f.t.Fatal(err)
		}
		defer big.Close()
		if err := unix.Fallocate(int(big.Fd()), 0, 0, (int64(s.Bavail)-200)*s.Bsize); err != nil {
			f.t.Fatal(err)
		}
	}
	for n := 0; ; n++ {
		err := os.WriteFile(filepath.Join(folder, fmt.Sprint(n)), make([]byte, size), 0o600)
		if errors.Is(err, unix.ENOSPC) {
			return
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}
