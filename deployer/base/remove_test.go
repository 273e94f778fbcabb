package base

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsNotOursIsNotTouched(t *testing.T) {
	r := busybox("true")
	for _, test := range []struct {
		name, file, text string
	}{
		{"a container without a mark", "config", "lxc.uts.name = x\n"},
		{"a mark that is no JSON", markFile, "{\"hash\": "},
		{"a mark of another container", markFile, `{"container": "other", "hash": "x"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := builder(t)
			dir := filepath.Join(b.Path, r.Container())
			if err := os.MkdirAll(filepath.Join(dir, "rootfs"), 0o755); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, test.file)
			writeFile(t, file, test.text, 0o644)
			_, _, err := b.Ensure(t.Context(), r)
			for _, err := range []error{err, b.Remove(t.Context(), r.Container())} {
				if !errors.Is(err, errForeign) || !strings.Contains(err.Error(), dir) {
					t.Errorf("got %v", err)
				}
			}
			if text, err := os.ReadFile(file); string(text) != test.text || !onDisk(filepath.Join(dir, "rootfs")) {
				t.Errorf("it was changed: %q, %v", text, err)
			}
			if bases, err := b.List(t.Context()); len(bases) != 0 || err != nil {
				t.Errorf("listed: %+v, %v", bases, err)
			}
		})
	}
}

func TestABaseThatExistsIsOnlyLookedFor(t *testing.T) {
	b := builder(t)
	r := Recipe{Name: "mine"}
	if _, _, err := b.Ensure(t.Context(), r); !errors.Is(err, errMissing) || !strings.Contains(err.Error(), "lxc-create") {
		t.Errorf("not there: %v", err)
	}
	wantEmpty(t, b.Path)
	if err := os.Mkdir(filepath.Join(b.Path, "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(b.Path, "mine/config"), "", 0o644)
	if c, built, err := b.Ensure(t.Context(), r); c != "mine" || built || err != nil {
		t.Errorf("there: %q, %v, %v", c, built, err)
	}
}

func TestRemoveRefusesWhatIsNoName(t *testing.T) {
	b := builder(t)
	for _, name := range []string{"", ".", "..", "../x", "a/b", "/", ".hidden"} {
		if err := b.Remove(t.Context(), name); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}

func TestABaseWithClonesIsNotRemoved(t *testing.T) {
	b := builder(t)
	container := ensure(t, b, busybox("echo 10.0.0.1 "+busybox().Name+"-x > /etc/hosts"))
	dir := filepath.Join(b.Path, container)
	command(t, "lxc-copy", "-P", b.Path, "-n", container, "-N", "jlt-base-clone", "-s", "-B", "overlay")
	defer command(t, "lxc-destroy", "-P", b.Path, "-n", "jlt-base-clone")

	if err := b.Remove(t.Context(), container); !errors.Is(err, ErrClones) || !strings.Contains(err.Error(), "jlt-base-clone") {
		t.Errorf("got %v", err)
	}
	if !ready(dir, busybox("echo 10.0.0.1 "+busybox().Name+"-x > /etc/hosts").Hash()) {
		t.Error("the base is no longer whole")
	}
	bases, err := b.List(t.Context())
	if err != nil || len(bases) != 1 || len(bases[0].Clones) != 1 {
		t.Errorf("list: %+v, %v", bases, err)
	}
	if onDisk(filepath.Join(b.Path, "jlt-base-clone/overlay/delta/etc/hosts")) {
		t.Error("the clone hook has edited the clone's hosts file")
	}
	// Not even a base that was never completed.
	if err := os.Remove(filepath.Join(dir, "config")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Ensure(t.Context(), busybox("echo 10.0.0.1 "+busybox().Name+"-x > /etc/hosts")); !errors.Is(err, ErrClones) {
		t.Errorf("ensure: got %v", err)
	}
}

func TestABaseInWhichSomethingIsMountedIsNotRemoved(t *testing.T) {
	b := builder(t)
	container := ensure(t, b, busybox())
	theirs, at := t.TempDir(), filepath.Join(b.Path, container, "rootfs/mnt")
	writeFile(t, filepath.Join(theirs, "precious"), "theirs\n", 0o644)
	command(t, "mount", "--bind", theirs, at)
	if err := b.Remove(t.Context(), container); err == nil || !strings.Contains(err.Error(), "something is mounted at "+at) {
		t.Errorf("got %v", err)
	}
	command(t, "umount", at)
	if !onDisk(filepath.Join(theirs, "precious")) {
		t.Error("what was mounted is gone")
	}
	if err := b.Remove(t.Context(), container); err != nil || onDisk(filepath.Join(b.Path, container)) {
		t.Errorf("after the umount: %v", err)
	}
}

func TestABaseThatRunsIsNotRemoved(t *testing.T) {
	b := builder(t)
	container := ensure(t, b, busybox())
	command(t, "lxc-start", "-P", b.Path, "-n", container)
	if err := b.Remove(t.Context(), container); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "lxc-stop -P") {
		t.Errorf("got %v", err)
	}
	command(t, "lxc-stop", "-P", b.Path, "-n", container, "-k")
	if err := b.Remove(t.Context(), container); err != nil {
		t.Error(err)
	}
	wantEmpty(t, b.Path)
}

func TestABaseThatIsBeingBuiltIsNotWaitedForLong(t *testing.T) {
	b := builder(t)
	container := busybox().Container()
	unlock, err := lock(t.Context(), b.folder(container), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		err := b.Remove(t.Context(), container)
		if err == nil || !strings.Contains(err.Error(), "it is being built") || time.Since(begun) != lockPatience {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

func TestTheSizeIsWhatTheDiskHasLess(t *testing.T) {
	b := builder(t)
	const name, written = "jlt-base-1", 1 << 20
	root := filepath.Join(b.Path, name, "rootfs")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		t.Helper()
		n, err := b.Size(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	empty := size()
	writeFile(t, filepath.Join(root, "file"), strings.Repeat("x", written), 0o644)
	command(t, "sync", "-f", root) // blocks that are not allocated yet need not be counted
	one := size()
	if one < empty+written || one > empty+2*written {
		t.Errorf("%d bytes before, %d with a file of %d", empty, one, written)
	}
	// Neither a second name nor a hole takes space.
	if err := os.Link(filepath.Join(root, "file"), filepath.Join(root, "again")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "hole"), "", 0o644)
	if err := os.Truncate(filepath.Join(root, "hole"), 1<<40); err != nil {
		t.Fatal(err)
	}
	if now := size(); now > one+written/2 {
		t.Errorf("%d bytes, %d with a link and a hole", one, now)
	}
}

func TestParseClones(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"an empty file", "", nil},
		{"two clones, one below another path", "/var/lib/lxc\na\n/srv/lxc\nb\n", []string{"a", "b"}},
		{"a number, as old versions wrote", "2", []string{"2 of them"}},
		{"the number nought", "0\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, parseClones(test.text)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
