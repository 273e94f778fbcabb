package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	baseroot "github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/crash"
)

// withData does something with the data of a service, if there are any.
func (e *Engine) withData(ctx context.Context, act, service string, do func(*store) error) error {
	defer crash.Point(act + " data")()
	s, err := e.disk.openStore(ctx, service)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer s.close()
		if err = errors.Join(context.Cause(ctx), s.sweep()); err == nil {
			err = do(s)
		}
	}
	if err != nil {
		return fmt.Errorf("%s the data of %s: %w", act, service, err)
	}
	return nil
}

// SaveData copies the data of a service.
func (e *Engine) SaveData(ctx context.Context, service string) error {
	return e.withData(ctx, "save", service, func(s *store) error { return s.save(ctx, e.DataCopyLimit) })
}

func (s *store) save(ctx context.Context, limit int64) error {
	if err := s.putBack(ctx); err != nil {
		return err
	}
	if !there(s.live()) {
		return s.drop()
	}
	if err := s.fits(ctx, limit); err != nil {
		return err
	}
	made, err := s.aside()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }() // the one before, if all went well
	if err := copyAll(ctx, s.live(), made); err != nil {
		return err
	}
	return s.replace(ctx, made, s.saved())
}

// fits is ErrTooLarge where the data can only be copied, and are more than the limit.
func (s *store) fits(ctx context.Context, limit int64) error {
	if shares, err := SharesBlocks(s.dir); err != nil || shares {
		return err
	}
	size, err := baseroot.Size(ctx, s.live())
	if err != nil {
		return err
	}
	if size > limit {
		const mega = 1 << 20
		return fmt.Errorf("%w: they take %d MiB, lxc.data_copy_limit is %d MiB, and this disk (%s) can copy them byte by byte only: "+
			"raise that key, or have lxc.path on btrfs or xfs", deployer.ErrTooLarge, (size+mega-1)/mega, limit/mega, s.dir)
	}
	return nil
}

// SharesBlocks says whether the filesystem of a folder can make copies that share what
// is the same (ioctl_ficlone(2)).
func SharesBlocks(dir string) (bool, error) {
	from, err := unnamed(dir)
	if err != nil {
		return false, err
	}
	defer from.Close()
	to, err := unnamed(dir)
	if err != nil {
		return false, err
	}
	defer to.Close()
	if _, err := from.Write(make([]byte, 4096)); err != nil {
		return false, err
	}
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil, nil
}

// unnamed makes a file that goes with its descriptor.
func unnamed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, asidePrefix)
	if err == nil {
		err = os.Remove(f.Name())
	}
	return f, err
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
