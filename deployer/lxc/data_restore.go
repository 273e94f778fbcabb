package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/crash"
)

// DropSavedData removes the copy of the data of a service.
func (e *Engine) DropSavedData(ctx context.Context, service string) error {
	return e.withData(ctx, "drop", service, func(s *store) error {
		if err := s.putBack(ctx); err != nil {
			return err
		}
		return s.drop()
	})
}

// drop removes the copy, as one act: the disk may be too full for anything new.
func (s *store) drop() error {
	if !there(s.saved()) {
		return nil
	}
	going := filepath.Join(s.dir, asidePrefix+"saved")
	if err := os.Rename(s.saved(), going); err != nil {
		return err
	}
	return os.RemoveAll(going)
}

// RestoreData makes the data of a service what they were when they were saved. The
// folders stay, since they are mounted: what is in them is exchanged.
func (e *Engine) RestoreData(ctx context.Context, service string) error {
	return e.withData(ctx, "restore", service, func(s *store) error {
		if there(s.saved()) && !there(s.restoring()) {
			if err := s.empty(ctx); err != nil {
				return err
			}
			// From here on all that is in the folders is what was saved. Nothing is
			// brought to the disk by itself, so that a power cut keeps the order.
			if err := s.begin(); err != nil {
				return err
			}
		}
		return s.putBack(ctx)
	})
}

// empty removes what is in the folders that there is a copy of.
func (s *store) empty(ctx context.Context) error {
	defer crash.Point("empty data")()
	folders, err := names(s.saved())
	if err != nil {
		return err
	}
	for _, folder := range folders {
		dir := filepath.Join(s.live(), folder)
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if err := errors.Join(context.Cause(ctx), os.RemoveAll(filepath.Join(dir, e.Name()))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *store) begin() error {
	defer crash.Point("begin to put data back")()
	return os.Rename(s.saved(), s.restoring())
}

// putBack ends a restoration that was begun, if one was: the copy becomes the data. It
// takes no space.
func (s *store) putBack(ctx context.Context) error {
	if !there(s.restoring()) {
		return nil
	}
	defer crash.Point("put data back")()
	folders, err := names(s.restoring())
	if err != nil {
		return err
	}
	for _, folder := range folders {
		from, to := filepath.Join(s.restoring(), folder), filepath.Join(s.live(), folder)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		entries, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := errors.Join(context.Cause(ctx), moveInto(to, from, e.Name())); err != nil {
				return err
			}
		}
		// The folder is empty now: what is left to copy are its owner, mode and the rest.
		if err := runTool(ctx, "cp", "--archive", "--no-target-directory", "--", from, to); err != nil {
			return err
		}
	}
	now := time.Now()
	if err := os.Chtimes(s.live(), now, now); err != nil { // who reads them sees that they are others
		return err
	}
	if err := os.Rename(s.restoring(), filepath.Join(s.dir, asidePrefix+"restored")); err != nil {
		return err
	}
	return s.sweep()
}

// moveInto moves an entry of a folder into another, in the place of what a service that
// was started too early has made there.
func moveInto(to, from, name string) error {
	source, target := filepath.Join(from, name), filepath.Join(to, name)
	err := unix.Renameat2(unix.AT_FDCWD, source, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE)
	if errors.Is(err, os.ErrExist) {
		if err = os.RemoveAll(target); err == nil {
			err = os.Rename(source, target)
		}
	}
	return err
}

// replace puts a folder in the place of another, or of none, as one act: what there
// was is where the folder came from then. It is on the disk before that.
func (s *store) replace(ctx context.Context, made, place string) error {
	if err := s.sync(ctx); err != nil {
		return err
	}
	defer crash.Point("replace data")()
	var flags uint = unix.RENAME_NOREPLACE
	if there(place) {
		flags = unix.RENAME_EXCHANGE
	}
	if err := unix.Renameat2(unix.AT_FDCWD, made, unix.AT_FDCWD, place, flags); err != nil {
		return fmt.Errorf("rename to %s: %w", place, err)
	}
	return s.lock.Sync()
}

// sync brings all that was written to the disk (syncfs(2)), which has no deadline.
func (s *store) sync(ctx context.Context) error {
	disk, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer disk.Close()
		done <- unix.Syncfs(int(disk.Fd()))
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
