package deployer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/crash"
)

// A container is ours because its folder has a record of ours. An agent can be
// killed while it makes the folder or while the folder is being removed, file
// after file; so that there is never one without a record which nobody would
// ever remove, the folder comes by a rename, and goes under a note beside it,
// which names it and its inode.
const (
	coming = ".jarloop-new-"
	going  = ".jarloop-going-"
)

// claim makes the folder of a container, which must not be there yet, with the
// record in it from the first moment on.
func (r Record) claim(folder string) error {
	made, err := os.MkdirTemp(filepath.Dir(folder), coming)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }() // it has another name when all went well
	if err := os.Chmod(made, 0o770); err != nil {
		return err
	}
	if err := r.write(made); err != nil {
		return err
	}
	defer crash.Point("claim")()
	err = unix.Renameat2(unix.AT_FDCWD, made, unix.AT_FDCWD, folder, unix.RENAME_NOREPLACE)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is somebody else's: deploy again, to have another name: %w", folder, err)
	}
	if err != nil {
		return fmt.Errorf("rename to %s: %w", folder, err)
	}
	return nil
}

// destroy removes a stopped container of ours with its folder. The note is the
// record itself, by another name: the disk may be too full for anything new.
func destroy(ctx context.Context, m Machine, name string) error {
	folder := m.Folder(name)
	inode, err := inodeOf(folder)
	note := m.Folder(fmt.Sprintf("%s%s.%d", going, name, inode))
	if err == nil {
		err = os.Rename(filepath.Join(folder, recordFile), note)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := m.Destroy(ctx, name); err != nil {
		return err
	}
	if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// findHalfGone gives the names of the containers whose removal was cut off, and
// removes what was left of their making.
func findHalfGone(m Machine) (names []string, err error) {
	left, err := filepath.Glob(m.Folder(coming + "*"))
	for _, folder := range left {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	notes, e := filepath.Glob(m.Folder(going + "*"))
	err = errors.Join(err, e)
	for _, note := range notes {
		name, inode, _ := strings.Cut(strings.TrimPrefix(filepath.Base(note), going), ".")
		// By that name there may be somebody else's by now.
		if now, e := inodeOf(m.Folder(name)); e == nil && strconv.FormatUint(now, 10) == inode {
			names = append(names, name)
			continue
		}
		err = errors.Join(err, os.Remove(note))
	}
	return names, err
}

func inodeOf(folder string) (uint64, error) {
	info, err := os.Lstat(folder)
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}
