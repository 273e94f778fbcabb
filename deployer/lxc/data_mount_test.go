//go:build cgo

package lxc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhereDataAreMounted(t *testing.T) {
	root := t.TempDir()
	mkdir(t, filepath.Join(root, "var", "lib", "app"))
	mkdir(t, filepath.Join(root, "run"))
	writeFile(t, filepath.Join(root, "file"), "")
	for link, to := range map[string]string{
		"data": "/var/lib/app", "out": "../../../../../../../etc", "volatile": "/run/app", "round": "round", "own": "etc/jarloop",
	} {
		must(t, os.Symlink(to, filepath.Join(root, link)))
	}
	for folder, want := range map[string]string{
		"/srv/none": "/srv/none", "/data": "/var/lib/app", "/data/x y": "/var/lib/app/x y", "/out/app": "/etc/app",
	} {
		if at, err := resolved(root, folder); err != nil || at != want {
			t.Errorf("%s is mounted at %q, %v; want %q", folder, at, err, want)
		}
	}
	for _, folder := range []string{"/file", "/volatile", "/round", "/proc", "/own/x", "/var/log"} {
		if at, err := resolved(root, folder); err == nil || !strings.Contains(err.Error(), folder) {
			t.Errorf("%s is mounted at %q: %v", folder, at, err)
		}
	}
	d := disk{path: "/lxc"}
	items, err := d.dataMounts("web", root, []string{"/srv/a b", "/data"})
	want := []string{
		`lxc.mount.entry = /lxc/.jarloop-data/web/live/srv%2Fa%20b srv/a\040b none bind,create=dir 0 0`,
		`lxc.mount.entry = /lxc/.jarloop-data/web/live/data var/lib/app none bind,create=dir 0 0`,
	}
	if err != nil || !slices.Equal(items, want) {
		t.Errorf("got %q, %v", items, err)
	}
	if got := mountedData([]byte("a = b\n"+strings.Join(items, "\n")), d.dataDir("web")); !slices.Equal(got, []string{"srv%2Fa%20b", "data"}) {
		t.Errorf("read back: %q", got)
	}
	if got := mountedData([]byte(strings.Join(items, "\n")), d.dataDir("we")); got != nil {
		t.Errorf("of another service: %q", got)
	}
	if _, err := d.dataMounts("web", root, []string{"/var/lib", "/data"}); err == nil {
		t.Error("one was mounted below the other")
	}
}

// TestDataAreGivenToGuestsOfAnotherKind has the base of a service become unprivileged,
// and privileged again.
func TestDataAreGivenToGuestsOfAnotherKind(t *testing.T) {
	path := newPath(t)
	e, s := newData(t, path)
	must(t, os.Chmod(path, 0o755))
	e.host.Child = child
	root := filepath.Join(path, "trial-1", "rootfs")
	mkdir(t, filepath.Join(root, "srv", "seed"))
	writeFile(t, filepath.Join(root, "srv", "seed", "file"), "of the base\n")
	writeFile(t, e.disk.config("trial-1"), "lxc.rootfs.path = dir:"+root+"\n")
	file := filepath.Join(s.live(), "data", "file")
	writeFile(t, file, "")
	must(t, os.Chown(file, 107, 113))

	for range 2 {
		must(t, e.prepare(t.Context(), "trial-1", "trial", []string{"data", "srv%2Fseed", "srv%2Fnew"}, first))
		for name, want := range map[string]int{"data": first, "data/file": first + 107, "srv%2Fnew": first, "srv%2Fseed/file": 0} {
			info, err := os.Lstat(filepath.Join(s.live(), name))
			must(t, err)
			if got := ownerOf(info); got != want { // what the base has is as its own clones need it
				t.Errorf("%s is of %d, want %d", name, got, want)
			}
		}
	}
	if info, err := os.Lstat(s.dir); err != nil || info.Mode().Perm() != 0o710 {
		t.Errorf("their folder: %v, %v", info, err)
	}
	err := e.prepare(t.Context(), "trial-1", "trial", []string{"data"}, 0)
	if err == nil || !strings.Contains(err.Error(), "jarloop data export trial FILE") {
		t.Errorf("given to privileged guests: %v", err)
	}
	info, err := os.Lstat(file)
	must(t, err)
	if got := ownerOf(info); got != first+107 {
		t.Errorf("the file is of %d now", got)
	}
}
