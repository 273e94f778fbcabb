package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockWait is how often a held lock is tried again.
const lockWait = 100 * time.Millisecond

// lockOf gives the lock's file of the container whose folder is dir.
func lockOf(dir string) string {
	return filepath.Join(filepath.Dir(dir), ".jarloop-base-"+filepath.Base(dir)+".lock")
}

// claimed is what the lock's file holds while the folder is ours, mark or none.
const claimed = "ours\n"

// claim says so of a folder that is not there, or has our mark: there are
// moments in which a kill leaves it without one. The caller holds the lock,
// whose file outlives a kill.
func claim(dir string) error { return os.WriteFile(lockOf(dir), []byte(claimed), 0o600) }

func isClaimed(dir string) bool {
	text, err := os.ReadFile(lockOf(dir))
	return err == nil && string(text) == claimed
}

// lock takes the lock of one container's name, waiting for whoever has it
// until ctx ends; wait is called once if there is someone to wait for. It is
// a flock(2) on a file beside the container's folder, so it ends with the
// process that holds it. Call unlock to give it back.
func (b *Builder) lock(ctx context.Context, container string, wait func()) (unlock func(), err error) {
	file := lockOf(filepath.Join(b.Path, container))
	for first := true; ; first = false {
		f, err := tryLock(file)
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", file, err)
		}
		if f != nil {
			return func() {
				// Removed while it is held: tryLock of another process sees
				// that its own open file is no longer the one of that name.
				_ = os.Remove(file)
				_ = f.Close()
			}, nil
		}
		if first && wait != nil {
			wait()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the lock %s: %w", file, context.Cause(ctx))
		case <-time.After(lockWait):
		}
	}
}

// tryLock gives the locked file, or nil where someone else has it.
func tryLock(file string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, err
	}
	held, err := f.Stat()
	if err == nil {
		var named os.FileInfo
		if named, err = os.Stat(file); err == nil && os.SameFile(held, named) {
			return f, nil
		}
	}
	_ = f.Close()
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return nil, nil // removed by its former holder between our open and our lock
}
