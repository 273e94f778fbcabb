package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
)

// lockPatience is how long a removal waits for whoever has the base's lock.
const lockPatience = 10 * time.Second

// Remove removes a base of ours. While clones rest on it that is ErrClones, and
// while it runs ErrRunning. What is no base of ours is an error, and stays; what is
// gone already is none.
func (s *Store) Remove(ctx context.Context, container string) error {
	if container == "" || container != filepath.Base(container) || strings.HasPrefix(container, ".") {
		return fmt.Errorf("remove base %q: not the name of a container", container)
	}
	dir := s.folder(container)
	if !onDisk(dir) && !onDisk(lockFile(dir)) { // which a kill leaves
		return nil
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("remove base %s: %w", container, err)
	}
	patient, cancel := context.WithTimeoutCause(ctx, lockPatience,
		errors.New("it is being built, exported or imported: try again when that is over"))
	defer cancel()
	unlock, err := lock(patient, dir, func() {})
	if err != nil {
		return fmt.Errorf("remove base %s: %w", container, err)
	}
	defer unlock()
	if err := remove(ctx, dir); err != nil {
		return fmt.Errorf("remove base %s: %w", container, err)
	}
	return nil
}

// remove removes the folder of a base of ours, complete or not; the caller
// has its lock. It is safe to call where nothing is.
//
// The configuration goes first, so that LXC makes no more clones of it, and
// the mark last, so that what a kill leaves is still ours.
func remove(ctx context.Context, dir string) error {
	if ours, err := owned(dir); !ours {
		return err
	}
	if err := free(ctx, dir); err != nil {
		return err
	}
	if err := markLock(dir); err != nil {
		return err
	}
	config := configOf(dir)
	aside := filepath.Join(dir, "config.removed")
	if err := os.Rename(config, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// A clone may have been made in between.
	if err := noClones(dir); err != nil {
		return errors.Join(err, os.Rename(aside, config))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == markFile {
			continue
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		// An emptied btrfs subvolume is removed like a folder, btrfs-subvolume(8).
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// free is an error if the container in dir is in use.
func free(ctx context.Context, dir string) error {
	if err := noClones(dir); err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	// Removing a folder would remove what is mounted there.
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(real))
	if err != nil {
		return fmt.Errorf("look for mounts: %w", err)
	}
	if len(mounts) > 0 {
		return fmt.Errorf("something is mounted at %s: umount it first", mounts[0].Mountpoint)
	}
	if !onDisk(configOf(dir)) {
		return nil
	}
	return stopped(ctx, dir)
}

// stopped is an ErrRunning unless the container in dir is stopped.
func stopped(ctx context.Context, dir string) error {
	var state string
	err := tool.Run(ctx, func(line string) { state = line }, "lxc-info",
		"-P", filepath.Dir(dir), "-n", filepath.Base(dir), "-s", "-H")
	if err != nil {
		return fmt.Errorf("lxc-info: %w", err)
	}
	if state != "STOPPED" {
		return fmt.Errorf("%w: lxc-stop -P %s -n %s", ErrRunning, filepath.Dir(dir), filepath.Base(dir))
	}
	return nil
}
