//go:build cgo

package lxc

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// removeCgroups removes the cgroups that liblxc leaves when a container has
// ended: with cgroup v1 the monitor's is still occupied when liblxc tries
// (seen with 5.0.2), and since no generation's name comes again they would
// add up. Only empty ones can be removed, so nobody is hurt.
func removeCgroups(name string) {
	for _, pattern := range []string{"/sys/fs/cgroup/lxc.*." + name, "/sys/fs/cgroup/*/lxc.*." + name} {
		folders, _ := filepath.Glob(pattern) // the pattern is well-formed
		for _, folder := range folders {
			// The monitor may be on its last instructions.
			for range 50 {
				if err := os.Remove(folder); !errors.Is(err, syscall.EBUSY) {
					break
				}
				time.Sleep(10 * time.Millisecond) // nothing to listen to: this child can be killed
			}
		}
	}
}
