package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// passable is an error where a folder that leads to the reports cannot be passed by
// a group, which is nobody's on this host.
func passable(dir string, gid int) error {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		inGroup := int(info.Sys().(*syscall.Stat_t).Gid) == gid
		if info.Mode()&0o001 == 0 && (!inGroup || info.Mode()&0o010 == 0) {
			return fmt.Errorf("unprivileged containers cannot pass %s: chmod o+x %s", dir, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// makePassable makes a folder of a mode, whatever the umask is.
func makePassable(dir string, mode fs.FileMode) error {
	err := os.Mkdir(dir, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}
