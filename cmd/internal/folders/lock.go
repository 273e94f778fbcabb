package folders

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/watcher"
)

// ErrBusy says that another agent holds the lock.
var ErrBusy = errors.New("another jarloop is running")

// Lock makes the program's folders and takes the lock that one process at a time
// holds, until the file is closed. The lock ends with the process, whatever ends
// that, since no child inherits it.
func Lock(ctx context.Context, c *config.Config) (*os.File, error) {
	for folder, mode := range map[string]os.FileMode{c.State: doctor.StateMode, c.Run: doctor.RunMode} {
		if err := os.MkdirAll(folder, mode); err != nil {
			return nil, err
		}
		if err := watcher.Ours(folder); err != nil {
			return nil, err
		}
	}
	// What is below may be older than the mode of what is above it.
	for _, folder := range []string{Sets(c), Logs(c)} {
		if err := watcher.Ours(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	f, err := os.OpenFile(LockFile(c), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(ctx, f); err != nil {
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0) // who it is helps, and is not needed
		f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", LockFile(c), err)
		}
		return nil, fmt.Errorf("%w (process %s, which holds %s): stop it first", ErrBusy, strings.TrimSpace(string(holder[:n])), LockFile(c))
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// flock takes the lock of f. A process that an agent had begun to start when it
// was killed holds it until its exec is over, so it is tried for a moment.
func flock(ctx context.Context, f *os.File) error {
	const moment = 500 * time.Millisecond
	for end := time.Now().Add(moment); ; {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
