package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Size gives how many bytes of the disk a folder takes, by a look at each of its
// files.
func Size(ctx context.Context, dir string) (size int64, err error) {
	linked := map[uint64]bool{} // inodes with more than one name
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var st unix.Stat_t
		if err == nil {
			err = unix.Lstat(path, &st)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
			return nil
		case err != nil:
			return err
		case st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR:
			if linked[st.Ino] {
				return nil
			}
			linked[st.Ino] = true
		}
		size += st.Blocks * 512 // whatever the filesystem's own blocks are, stat(2)
		return nil
	})
	return size, err
}
