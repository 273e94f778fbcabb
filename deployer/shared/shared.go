// Package shared keeps the files that instances share in a folder of the agent's machine:
//
//	<name>       a shared file
//	.<random>    one that is being written, beside what it becomes; locked by who writes
//	             it (flock(2))
//
// What else there begins with a dot is of who has the folder.
package shared

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
)

// Folder is one by its path.
type Folder string

// Time is when every shared file was changed last: HotSpot takes an archive of classes
// only where the files have the time that they had when it was made.
var Time = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// File gives the path of a shared file.
func (f Folder) File(name string) (string, error) {
	if !filepath.IsLocal(name) || filepath.Clean(name) != name || strings.HasPrefix(name, ".") || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("%q is no name of a shared file", name)
	}
	return filepath.Join(string(f), name), nil
}

// Add makes what write writes a shared file, as one act. One that is there stays as it is.
func (f Folder) Add(ctx context.Context, name string, write func(io.Writer) error) error {
	file, err := f.File(name)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return nil
	}
	defer crash.Point("share")()
	next, lock, err := pending(file)
	if err != nil {
		return err
	}
	defer lock.Close()
	defer func() { _ = next.Cleanup() }() // else All does
	if err := write(hearing{ctx, next.File}); err != nil {
		return err
	}
	if err := os.Chtimes(next.Name(), time.Now(), Time); err != nil {
		return err
	}
	return next.CloseAtomicallyReplace()
}

// hearing is a writer that ends with its context.
type hearing struct {
	ctx context.Context
	to  io.Writer
}

func (h hearing) Write(p []byte) (int, error) {
	if err := context.Cause(h.ctx); err != nil {
		return 0, err
	}
	return h.to.Write(p)
}

// pending begins a file in its folder. Neither is removed from then on, until the lock
// is closed.
func pending(file string) (*renameio.PendingFile, *os.File, error) {
	for {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, nil, err
		}
		f, err := renameio.NewPendingFile(file, renameio.WithTempDir(filepath.Dir(file)), renameio.WithStaticPermissions(0o444))
		var lock *os.File
		if err == nil {
			if lock, err = lockFile(f.Name()); err != nil {
				_ = f.Cleanup() // else All does
			}
		}
		if !errors.Is(err, fs.ErrNotExist) { // somebody has removed one of them meanwhile
			return f, lock, err
		}
	}
}

// lockFile locks a file until it is closed, which has that name then still.
func lockFile(path string) (*os.File, error) {
	lock, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX); err == nil {
		_, err = os.Lstat(path)
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// All gives the shared files, and removes what somebody who was killed has left.
func (f Folder) All() ([]deployer.SharedFile, error) {
	var all []deployer.SharedFile
	top := string(f) // whose name may begin with a dot
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != top && (strings.HasPrefix(d.Name(), ".") || os.Remove(path) == nil) { // an empty one is left of a removal
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasPrefix(d.Name(), ".") {
			return dropLeft(path)
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			all = append(all, deployer.SharedFile{Name: name, Size: info.Size(), Time: sharedAt(info)})
		}
		return err
	})
	return all, err
}

// dropLeft removes what a killed agent has begun to write.
func dropLeft(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil // it is being written
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sharedAt is when a file was shared: its inode has not changed since.
func sharedAt(info fs.FileInfo) time.Time {
	st := info.Sys().(*syscall.Stat_t)
	return time.Unix(st.Ctim.Unix())
}

// Remove removes a shared file. One that is gone is no error.
func (f Folder) Remove(name string) error {
	file, err := f.File(name)
	if err != nil {
		return err
	}
	defer crash.Point("unshare")()
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if dir := filepath.Dir(file); dir != string(f) {
		_ = os.Remove(dir) // it stays while something else is in it
	}
	return nil
}

// Take makes a file of the same disk a shared one, whoever has written it.
func (f Folder) Take(out, name string) (size int64, err error) {
	file, err := f.File(name)
	if err != nil {
		return 0, err
	}
	info, err := os.Lstat(out)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("it is no regular file")
	}
	defer crash.Point("take what was produced")()
	return info.Size(), errors.Join(
		os.Chown(out, 0, 0), os.Chmod(out, 0o444), os.Chtimes(out, time.Now(), Time),
		os.MkdirAll(filepath.Dir(file), 0o755), os.Rename(out, file))
}

// Mapped gives the shared files that proc_pid_maps(5) names, each once. The path is as
// the process sees it, or below any of these folders.
func Mapped(maps string, folders ...string) (all []string) {
	seen := map[string]bool{}
	for line := range strings.Lines(maps) {
		_, name, found := strings.Cut(strings.TrimSuffix(line, "\n"), " "+deployer.SharedFolder+"/")
		for _, folder := range folders {
			if !found {
				_, name, found = strings.Cut(strings.TrimSuffix(line, "\n"), "/"+folder+"/")
			}
		}
		name = strings.TrimSuffix(name, " (deleted)")
		if found && !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	return all
}
