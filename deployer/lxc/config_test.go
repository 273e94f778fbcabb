package lxc

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWithItems(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		items []string
		want  string
	}{
		"an item replaces what the base said of the same key": {
			"lxc.uts.name = base\nlxc.arch = amd64\n", []string{"lxc.uts.name = web"},
			"lxc.arch = amd64\nlxc.uts.name = web\n",
		},
		"addresses replace, so that a clone never has its base's too": {
			"lxc.net.0.ipv4.address = 10.0.3.5/24\nlxc.net.0.ipv4.address = 10.0.3.6/24\n",
			[]string{"lxc.net.0.ipv4.address=10.0.3.130/24"},
			"lxc.net.0.ipv4.address=10.0.3.130/24\n",
		},
		"mount entries add up": {
			"lxc.mount.entry = /a a none bind 0 0\n", []string{"lxc.mount.entry = /b b none bind 0 0"},
			"lxc.mount.entry = /a a none bind 0 0\nlxc.mount.entry = /b b none bind 0 0\n",
		},
		"the log of the call that cloned goes": {
			"lxc.log.file = /proc/self/fd/6\nlxc.log.level = ERROR\n", nil, "",
		},
		"comments, blanks and includes stay, and a missing newline is made up": {
			"# base\n\nlxc.include = /usr/share/lxc/config/common.conf", []string{"lxc.start.auto = 0"},
			"# base\n\nlxc.include = /usr/share/lxc/config/common.conf\nlxc.start.auto = 0\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := withItems(test.text, test.items); got != test.want {
				t.Errorf("got:\n%swant:\n%s", got, test.want)
			}
		})
	}
}

func TestRootfs(t *testing.T) {
	for name, test := range map[string]struct{ text, kind, where string }{
		"a folder with its kind": {"lxc.rootfs.path = dir:/var/lib/lxc/base/rootfs\n", "dir", "/var/lib/lxc/base/rootfs"},
		"a folder alone":         {"lxc.rootfs.path=/var/lib/lxc/base/rootfs\n", "dir", "/var/lib/lxc/base/rootfs"},
		"an overlay":             {"lxc.rootfs.path = overlay:/b/rootfs:/c/overlay/delta\n", "overlay", "/b/rootfs:/c/overlay/delta"},
		"the last one counts":    {"lxc.rootfs.path = dir:/a\nlxc.rootfs.path = btrfs:/b\n", "btrfs", "/b"},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			if err := os.MkdirAll(filepath.Join(path, "c"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(path, "c", "config"), []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			kind, where, err := rootfs(path, "c")
			if err != nil || kind != test.kind || where != test.where {
				t.Errorf("got %q %q %v, want %q %q", kind, where, err, test.kind, test.where)
			}
		})
	}
}
