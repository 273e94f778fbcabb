package guest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hardLink is the one through which the host's bytes can be read, because they
// are the container's as well. They must not be changed.
const hardLink = "a hard link to the host's file"

// odd are things that a container's root user can put where a file or folder
// was expected; outside is the host's folder.
var odd = []struct {
	name string
	make func(at, outside string) error
}{
	{"a link to the host's folder", func(at, outside string) error { return os.Symlink(outside, at) }},
	{"a link there by dots", func(at, outside string) error {
		return os.Symlink("../../../../../../../../../.."+outside, at)
	}},
	{"a link to the host's file", func(at, outside string) error { return os.Symlink(outside+"/hosts", at) }},
	{"a link to the host by /proc", func(at, outside string) error { return os.Symlink("/proc/1/root"+outside, at) }},
	{"a link to itself", func(at, _ string) error { return os.Symlink(filepath.Base(at), at) }},
	{"a link to the link that leads to it", func(at, _ string) error {
		if err := os.Symlink(filepath.Base(at), at+".2"); err != nil {
			return err
		}
		return os.Symlink(filepath.Base(at)+".2", at)
	}},
	{hardLink, func(at, outside string) error { return os.Link(outside+"/hosts", at) }},
	{"a FIFO", func(at, _ string) error { return unix.Mkfifo(at, 0o666) }},
	{"a socket", func(at, _ string) error { return unix.Mknod(at, unix.S_IFSOCK|0o666, 0) }},
	{"a character device", func(at, _ string) error {
		return unix.Mknod(at, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5)))
	}},
	{"a block device", func(at, _ string) error {
		return unix.Mknod(at, unix.S_IFBLK|0o666, int(unix.Mkdev(7, 200)))
	}},
}

// TestWhatAContainerPutsInTheWayHarmsNobody puts each odd thing in the place of
// each name that is written or read, and does all that is done with names. The
// host must be as it was, and no call may wait for anybody.
func TestWhatAContainerPutsInTheWayHarmsNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("devices need root")
	}
	for _, o := range odd {
		for _, at := range []string{"etc", "etc/hosts", "app", "app/a.jar", "app/sub"} {
			t.Run(o.name+" as /"+at, func(t *testing.T) {
				r, inside, outside := image(t)
				plant(t, inside, map[string]string{"app/a.jar": "old", "app/sub/b": "old", "etc/hosts": "old"})
				must(t, os.RemoveAll(filepath.Join(inside, at)))
				must(t, o.make(filepath.Join(inside, at), outside))
				src := t.TempDir()
				plant(t, src, map[string]string{"a.jar": "new", "sub/b": "new"})
				done := make(chan map[string]error, 1)
				go func() { done <- useAll(t, r, src, o.name == hardLink) }()
				select {
				case errs := <-done:
					honest(t, errs, r)
				case <-time.After(30 * time.Second):
					t.Fatal("a call waits for something that a container has made")
				}
				untouched(t, outside)
				noTemporaries(t, inside)
			})
		}
	}
}

// useAll makes every call that takes a name, and gives what each came to. No
// byte of the host may be read, unless it is shared.
func useAll(t *testing.T, r *Root, src string, shared bool) map[string]error {
	names := []string{"/etc", "/etc/hosts", "/app", "/app/a.jar", "/app/sub/b"}
	for _, name := range names {
		if data, err := r.ReadFile(name); err == nil && string(data) == "canary" && !shared {
			t.Errorf("a byte of the host was read as %s", name)
		}
		_ = r.exists(name)
	}
	for _, pattern := range []string{"/app/*", "/etc/*", "/*/*/*"} {
		if _, err := r.Glob(pattern); err != nil {
			t.Error(err)
		}
	}
	return map[string]error{
		"write":  r.WriteFile("/etc/hosts", []byte("new"), 0o644),
		"copy":   r.CopyTree(t.Context(), src, "/app"),
		"link":   r.WriteFiles([]File{{Name: "/etc/x", Link: "/run/x"}}),
		"files":  r.WriteFiles([]File{{Name: "/app/unit", Data: []byte("x"), Mode: 0o644}, {Name: "/etc/wants/unit", Link: "/app/unit"}}),
		"remove": removed(r, "/app/sub"),
	}
}

// honest checks that what was said to be done is done, inside.
func honest(t *testing.T, errs map[string]error, r *Root) {
	t.Helper()
	for call, name := range map[string]string{"write": "/etc/hosts", "copy": "/app/a.jar"} {
		if errs[call] != nil {
			continue
		}
		if data, err := r.ReadFile(name); err != nil || string(data) != "new" {
			t.Errorf("%s: no error, but %s is %q, %v", call, name, data, err)
		}
	}
	if errs["remove"] == nil && r.exists("/app/sub") {
		t.Error("/app/sub was removed, and is there")
	}
}
