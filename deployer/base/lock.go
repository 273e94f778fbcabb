package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockWait is how often a held lock is tried again.
const lockWait = 100 * time.Millisecond

// lockFile gives the lock's file of the container whose folder is dir.
func lockFile(dir string) string {
	return filepath.Join(filepath.Dir(dir), ".jarloop-base-"+filepath.Base(dir)+".lock")
}

// ours is what the lock's file holds while the folder is ours, whether or not it
// has a mark.
const ours = "ours\n"

// markLock says in the lock's file that the folder is ours, for the moments in
// which a kill leaves it without a mark: that file outlives a kill. The caller
// holds the lock, and the folder is not there or has our mark.
func markLock(dir string) error {
	if lockMarked(dir) { // to truncate it would be such a moment
		return nil
	}
	return os.WriteFile(lockFile(dir), []byte(ours), 0o600)
}

func lockMarked(dir string) bool {
	text, err := os.ReadFile(lockFile(dir))
	return err == nil && string(text) == ours
}

// lock takes the lock of the container whose folder is dir. While somebody else
// has it, lock waits until ctx ends, and calls waits first. It is a flock(2) on a
// file beside the folder, so the kernel releases it when the process ends.
func lock(ctx context.Context, dir string, waits func()) (unlock func(), err error) {
	file := lockFile(dir)
	fail := func(err error) (func(), error) { return nil, fmt.Errorf("lock %s: %w", file, err) }
	for {
		l := flock.New(file)
		locked, err := l.TryLock()
		if err == nil && !locked {
			waits()
			waits = func() {}
			if _, err = l.TryLockContext(ctx, lockWait); err != nil && ctx.Err() != nil {
				return nil, fmt.Errorf("wait for the lock %s: %w", file, context.Cause(ctx))
			}
		}
		if err != nil {
			return fail(err)
		}
		current, err := named(l)
		if current {
			return func() {
				// Removed while it is held, so that whoever has opened it
				// finds that it is no longer the file of that name.
				_ = os.Remove(file)
				_ = l.Close()
			}, nil
		}
		_ = l.Close()
		if err != nil {
			return fail(err)
		}
	}
}

// named says whether the locked file still has its name: whoever had the lock
// before may have removed it between open and lock.
func named(l *flock.Flock) (bool, error) {
	held, err := l.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Stat(l.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(held, now), err
}
