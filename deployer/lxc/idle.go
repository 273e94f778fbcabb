//go:build cgo

package lxc

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// beIdle has this thread, and what it starts, run when nothing else wants to (sched(7),
// ioprio_set(2)).
func beIdle() error {
	runtime.LockOSThread()
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		return fmt.Errorf("run at the lowest priority: %w", err)
	}
	const (
		process   = 1       // IOPRIO_WHO_PROCESS: this thread
		idleClass = 3 << 13 // IOPRIO_CLASS_IDLE
	)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, process, 0, idleClass) // of no effect with most schedulers
	return nil
}
