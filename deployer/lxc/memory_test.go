//go:build cgo

package lxc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryIsTheWholeContainers(t *testing.T) {
	const v1 = `9:name=systemd:/lxc.payload.web-1/init.scope
4:memory:/lxc.payload.web-1/init.scope
1:cpu:/lxc.payload.web-1
0::/lxc.payload.web-1/init.scope
`
	v1Files := map[string]string{
		"proc/7/cgroup": v1,
		"sys/fs/cgroup/memory/lxc.payload.web-1/memory.usage_in_bytes":            "35340288\n",
		"sys/fs/cgroup/memory/lxc.payload.web-1/memory.stat":                      "inactive_file 765952\ntotal_inactive_file 2830336\n",
		"sys/fs/cgroup/memory/lxc.payload.web-1/init.scope/memory.usage_in_bytes": "1\n",
	}
	v2Files := map[string]string{
		"proc/7/cgroup": "0::/lxc.payload.web-1/init.scope\n",
		"sys/fs/cgroup/lxc.payload.web-1/memory.current": "5000\n",
		"sys/fs/cgroup/lxc.payload.web-1/memory.stat":    "file 4000\ninactive_file 1500\n",
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
		err   error
	}{
		{"cgroup v1", v1Files, 32509952, nil},
		{"cgroup v2", v2Files, 3500, nil},
		{"cgroup v2, below another", map[string]string{
			"proc/7/cgroup": "0::/user.slice/lxc.payload.web-1/system.slice/x.service\n",
			"sys/fs/cgroup/user.slice/lxc.payload.web-1/memory.current": "5\n",
		}, 5, nil},
		{"an init that shares its group", map[string]string{"proc/7/cgroup": "0::/\n", "sys/fs/cgroup/memory.current": "8\n"}, 8, nil},
		{"more cache than use, since they are read apart", map[string]string{
			"proc/7/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.current": "8\n", "sys/fs/cgroup/a/memory.stat": "inactive_file 9\n",
		}, 0, nil},
		{"nobody counts", map[string]string{"proc/7/cgroup": "0::/lxc.payload.web-1\n"}, 0, errNoMemory},
		{"no groups", map[string]string{"proc/7/cgroup": "1:cpu:/\n"}, 0, errNoMemory},
		{"it is gone", nil, 0, fs.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range c.files {
				if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
					t.Fatal(err)
				}
				writeFile(t, filepath.Join(root, name), text)
			}
			if got, err := memory(root, 7); got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%d, %v; want %d, %v", got, err, c.want, c.err)
			}
		})
	}
}

// TestMemoryOfThisMachine holds the files of the test above to those of a
// kernel.
func TestMemoryOfThisMachine(t *testing.T) {
	got, err := memory("/", os.Getpid())
	if errors.Is(err, errNoMemory) {
		t.Skip(err)
	}
	if err != nil || got <= 0 {
		t.Errorf("%d, %v", got, err)
	}
}
