package lxc

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
	"github.com/jarloop/jarloop/deployer/sockets"
)

// Shared files are kept beside the containers, which see them all by one mount:
//
//	lxc.path/.jarloop-shared/    0755
//	  <name>                     a shared file
//	  .<random>                  one that is being written, beside what it becomes; locked by
//	                             who writes it (flock(2))
//	  .of-<container>/           what a production writes to
const sharedBeside = ".jarloop-shared"

// sharedTime is when every shared file was changed last: HotSpot takes an archive
// of classes only where the files have the time that they had when it was made.
var sharedTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (d disk) shared() string { return filepath.Join(d.path, sharedBeside) }

// makeShared makes the folder of shared files, for the root of every container to
// pass.
func (d disk) makeShared() error { return makePassable(d.shared(), 0o755) }

// dropShared removes the folder of shared files when it is empty and there is no
// container that has it.
func (d disk) dropShared() {
	if all, err := d.list(); err == nil && len(all) == 0 {
		_ = os.Remove(d.shared()) // it stays while something is in it
	}
}

// sharedMount is what mounts it into a container.
func (d disk) sharedMount() string {
	return "lxc.mount.entry = " + mountSource(d.shared()) + " " + strings.TrimPrefix(deployer.SharedFolder, "/") + " none bind,ro,create=dir 0 0"
}

// sharedFile gives the path of a shared file.
func (d disk) sharedFile(name string) (string, error) {
	if !filepath.IsLocal(name) || filepath.Clean(name) != name || strings.HasPrefix(name, ".") || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("%q is no name of a shared file", name)
	}
	return filepath.Join(d.shared(), name), nil
}

// Share makes what write gives a shared file.
func (e *Engine) Share(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := e.disk.share(name, func(f *os.File) error { return write(hearing{ctx, f}) }); err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	return nil
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

func (d disk) share(name string, write func(*os.File) error) error {
	file, err := d.sharedFile(name)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return nil
	}
	if err := d.makeShared(); err != nil {
		return err
	}
	defer crash.Point("share")()
	f, lock, err := pending(file)
	if err != nil {
		return err
	}
	defer lock.Close()
	defer func() { _ = f.Cleanup() }() // else Shared does
	if err := write(f.File); err != nil {
		return err
	}
	if err := os.Chtimes(f.Name(), time.Now(), sharedTime); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
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
				_ = f.Cleanup() // else Shared does
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

// Shared gives the shared files.
func (e *Engine) Shared(context.Context) ([]deployer.SharedFile, error) {
	var all []deployer.SharedFile
	top := e.disk.shared() // whose name begins with a dot
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
	if err != nil {
		return nil, fmt.Errorf("list shared files: %w", err)
	}
	return all, nil
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

// Unshare removes a shared file.
func (e *Engine) Unshare(_ context.Context, name string) error {
	file, err := e.disk.sharedFile(name)
	if err != nil {
		return err
	}
	defer crash.Point("unshare")()
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if dir := filepath.Dir(file); dir != e.disk.shared() {
		_ = os.Remove(dir) // it stays while something else is in it
	}
	e.disk.dropShared()
	return nil
}

// Mapped gives the shared files that the service of an instance has in its memory.
func (e *Engine) Mapped(ctx context.Context, name string) ([]string, error) {
	defer crash.Point("look what is mapped")()
	all, err := within(ctx, e, name, quick, func(h *handle) ([]string, error) {
		var all []string
		inside, err := insideOf(h.init.pid)
		if err != nil {
			return nil, err
		}
		err = sockets.OfService(inside, func(pid int) {
			maps, _ := os.ReadFile(processFile(pid, "maps")) // of one that has ended it is empty
			all = append(all, mappedShared(string(maps))...)
		})
		if err == nil && !h.alive() {
			err = deployer.ErrStopped
		}
		return all, err
	})
	if err != nil {
		return nil, fmt.Errorf("look what %s has in its memory: %w", name, err)
	}
	return all, nil
}

// mappedShared gives the shared files that proc_pid_maps(5) names, each once. The
// path is as the process sees it.
func mappedShared(maps string) (all []string) {
	seen := map[string]bool{}
	for line := range strings.Lines(maps) {
		_, name, found := strings.Cut(strings.TrimSuffix(line, "\n"), " "+deployer.SharedFolder+"/")
		if !found {
			_, name, found = strings.Cut(strings.TrimSuffix(line, "\n"), "/"+sharedBeside+"/") // of its source
		}
		name = strings.TrimSuffix(name, " (deleted)")
		if found && !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	return all
}
