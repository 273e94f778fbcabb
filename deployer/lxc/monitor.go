package lxc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// killMonitors ends every monitor of the container, and waits until they are
// gone. liblxc knows only of one that answers; one whose start was cut off
// comes up all the same, even when the container's folder is gone by then.
// The container goes with its monitor: its init asked for that
// (PR_SET_PDEATHSIG, start.c). A hook that the monitor waits for did not; but
// the monitor leads a process group, which the hook is in (setsid in start.c).
func killMonitors(path, name string) error {
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); ; {
		left := monitors(path, name)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("its monitor, process %d, cannot be killed", left[0])
		}
		for _, pid := range left {
			if group, err := syscall.Getpgid(pid); err == nil && group == pid {
				pid = -pid
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill its monitor: %w", err)
			}
		}
		time.Sleep(2 * time.Millisecond) // nothing to listen to: this child can be killed
	}
}

// awaitMonitors waits a little for the container's monitor to end by itself,
// as it does when the container has.
func awaitMonitors(path, name string) {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline) && len(monitors(path, name)) > 0; {
		time.Sleep(2 * time.Millisecond) // as above
	}
}

// monitors gives the processes that are monitors of the container, by the
// title that liblxc gives them before it lets them go (lxccontainer.c,
// do_lxcapi_start).
func monitors(path, name string) []int {
	title := []byte("[lxc monitor] " + path + " " + name)
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(bytes.TrimRight(text, "\x00 "), title) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
