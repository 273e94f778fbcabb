//go:build cgo

package lxc

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// removeCgroups removes the cgroups that liblxc leaves when a container has
// ended: with cgroup v1 the monitor's is still occupied when liblxc tries
// (seen with 5.0.2), a monitor that was killed removes none, and since no
// generation's name comes again they would add up. The kernel removes only
// those in which no process is, so nobody is hurt.
func removeCgroups(name string) {
	for _, pattern := range []string{"/sys/fs/cgroup/lxc.*." + name, "/sys/fs/cgroup/*/lxc.*." + name} {
		found, _ := filepath.Glob(pattern) // the pattern is well-formed
		for _, top := range found {
			var folders []string
			_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					folders = append(folders, path)
				}
				return nil
			})
			for _, folder := range slices.Backward(folders) {
				_ = os.Remove(folder)
			}
		}
	}
}
