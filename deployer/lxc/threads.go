//go:build cgo

package lxc

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// awaitThreads lets no thread be born while liblxc forks.
//
// liblxc forks by the system call itself (lxc_raw_clone, for the copy of a
// root and for a command inside), so glibc in the forked child goes on
// believing in the parent's threads, and its setresgid waits for one that was
// only just being created to be there (setxid_mark_thread in
// nptl/nptl_setxid.c): for ever, since that thread lives in the parent alone.
// The Go runtime creates threads whenever it needs one, also in the middle of
// a call of C. So it gets those that it may need beforehand, no reason to want
// more, and liblxc is not called before each of them runs.
func awaitThreads() error {
	debug.SetGCPercent(-1) // the collector has workers of its own; one call leaves little behind
	runtime.GOMAXPROCS(1)

	// The runtime keeps the threads of these for later use: one that polls the
	// network while C runs, one for each goroutine in a blocking call, and
	// some to spare.
	const spare = 4
	var here, done sync.WaitGroup
	here.Add(spare)
	for range spare {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			here.Done()
			here.Wait()
		})
	}
	done.Wait()

	const deadline = 30 * time.Second
	for end := time.Now().Add(deadline); ; {
		starting, err := threadStarting()
		if err != nil || !starting {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("a new thread did not run within %s", deadline)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// threadStarting tells whether some thread of this process is being created.
// The runtime blocks all signals in both threads then, and never those of a
// fault, as SIGSEGV, in one that runs (blockableSig in runtime/signal_unix.go).
func threadStarting() (bool, error) {
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		return false, err
	}
	for _, file := range files {
		blocked, err := blockedSignals(file)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return false, err
		}
		if blocked&(1<<(syscall.SIGSEGV-1)) != 0 {
			return true, nil
		}
	}
	return false, nil
}

// blockedSignals reads the signal mask of a thread from its status file.
func blockedSignals(file string) (uint64, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if mask, found := strings.CutPrefix(lines.Text(), "SigBlk:\t"); found {
			return strconv.ParseUint(mask, 16, 64)
		}
	}
	return 0, syscall.ESRCH // cut short, because the thread ended meanwhile
}
