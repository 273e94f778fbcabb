package base

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRootsRangeIsTheFirstThatIsLargeEnoughInBothFiles(t *testing.T) {
	for _, c := range []struct {
		name, uids, gids string
		first            int // 0: none
		free             int
	}{
		{"no ranges", "", "", 0, 100000},
		{"another user's", "vagrant:100000:65536\n", "vagrant:100000:65536\n", 0, 165536},
		{"root's after another's", "vagrant:100000:65536\nroot:165536:65536\n", "vagrant:100000:65536\nroot:165536:65536\n", 165536, 231072},
		{"one that is too small first", "root:90000:1000\nroot:200000:65536\n", "root:90000:1000\nroot:200000:65536\n", 200000, 265536},
		{"by number", "0:300000:131072\n", "0:300000:131072", 300000, 431072},
		{"for users alone", "root:100000:65536\n", "", 0, 165536},
		{"another one for groups", "root:100000:65536\n", "root:200000:65536\n", 0, 265536},
		{"lines that make no sense", "root\nroot:x:y\nroot:-1:65536\nroot:100000\nroot:100000:9223372036854775808\n\n", "root:100000:65536\n", 0, 165536},
		{"a colon at the end, which newuidmap takes", "root:100000:65536:\n", "root:100000:65536\n", 100000, 165536},
		{"the IDs inside", "root:1000:65536\n", "root:1000:65536\n", 0, 100000},
	} {
		t.Run(c.name, func(t *testing.T) {
			uids, err := parseRanges(strings.NewReader(c.uids))
			if err != nil {
				t.Fatal(err)
			}
			gids, err := parseRanges(strings.NewReader(c.gids))
			if err != nil {
				t.Fatal(err)
			}
			if first, found := common(uids, gids); first != c.first || found != (c.first != 0) {
				t.Errorf("first: %d, %v; want %d", first, found, c.first)
			}
			if free := freeID(append(uids, gids...)); free != c.free {
				t.Errorf("free: %d, want %d", free, c.free)
			}
		})
	}
}

func TestOverlaysInAUserNamespaceAreOfLinux511(t *testing.T) {
	for release, want := range map[string]bool{
		"5.10.0-34-amd64": false, "5.4.0": false, "4.19.0": false, "": false,
		"5.11": true, "5.15.0-1-generic": true, "6.1.0-37-amd64": true, "10.0": true,
	} {
		if got := mountsOverlays(release); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}

func TestAFolderThatContainersCannotPassIsNamed(t *testing.T) {
	needRoot(t)
	dir, err := os.MkdirTemp("/tmp", "jlt-base-") // a folder of /tmp, which all may pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	b := &Store{Path: below}
	r := busybox()
	r.First = 100000
	_, _, err = b.Ensure(deadline(t, time.Minute), r)
	if want := "unprivileged containers cannot pass " + dir + ": chmod o+x " + dir; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v; want … %s", err, want)
	}
	wantEmpty(t, below)
	for _, change := range []func() error{
		func() error { return os.Chmod(dir, 0o701) },
		func() error { return os.Chmod(dir, 0o710) },
		func() error { return os.Chown(dir, 0, 100000) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		gid := 100000
		want := info.Mode().Perm() == 0o701 || groupOf(info) == gid
		if got := Passable(below, gid) == nil; got != want {
			t.Errorf("mode %v, group %d: passable %v", info.Mode(), groupOf(info), got)
		}
	}
}
