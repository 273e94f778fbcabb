package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	baseroot "github.com/jarloop/jarloop/deployer/base/rootfs"
)

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
// is the same (ioctl_ficlone(2)). It leaves nothing there.
func SharesBlocks(dir string) (bool, error) {
	from, err := unnamed(dir)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) { // it is an old one
		return false, nil
	}
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
	return os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, 0o600)
}
