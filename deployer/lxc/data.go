package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	baseroot "github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/data"
)

// The data of services are beside the containers, on the same disk, in a folder that
// liblxc takes for no container:
//
//	lxc.path/.jarloop-data/SERVICE/            of the group that is root in the guests
//	lxc.path/.jarloop-data/SERVICE/live/…      what is mounted into them, a folder each
//	lxc.path/.jarloop-data/SERVICE/saved/…     the copy
//	lxc.path/.jarloop-data/SERVICE/restoring/… the copy, while it is being put back
//	lxc.path/.jarloop-data/SERVICE/aside-…     what is being made, or is going
const (
	dataFolder  = ".jarloop-data"
	asidePrefix = "aside-"
)

// store is the data of one service, locked: by the agent, or a verb beside it.
type store struct {
	dir  string
	lock *os.File
}

func (s *store) live() string      { return filepath.Join(s.dir, "live") }
func (s *store) saved() string     { return filepath.Join(s.dir, "saved") }
func (s *store) restoring() string { return filepath.Join(s.dir, "restoring") }

// dataDir is where the data of a service are.
func (d disk) dataDir(service string) string { return filepath.Join(d.path, dataFolder, service) }

// makeDataDir makes the folder for the data of a service, where there is none.
func (d disk) makeDataDir(service string) error {
	dir := d.dataDir(service)
	if err := makePassable(filepath.Dir(dir), 0o711); err != nil {
		return err
	}
	return makePassable(dir, 0o700)
}

// openStore locks the data of a service. Where there are none it is fs.ErrNotExist.
// The caller closes it.
func (d disk) openStore(ctx context.Context, service string) (*store, error) {
	if _, _, ok := parseName(service + "-1"); !ok {
		return nil, fmt.Errorf("%q is no name of a service", service)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, quick, fmt.Errorf("not within %s", quick))
	defer cancel()
	for {
		s, err := tryStore(d.dataDir(service))
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return s, err
		}
		if err := deployer.Pause(ctx, 20*time.Millisecond); err != nil {
			return nil, fmt.Errorf("somebody else is at the data: %w", err)
		}
	}
}

// tryStore is openStore without the wait. The kernel lets go of the lock of who is
// killed.
func tryStore(dir string) (*store, error) {
	lock, err := os.OpenFile(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	mine, err := lock.Stat()
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if now, err := os.Lstat(dir); err != nil || !os.SameFile(mine, now) { // removed, and made anew
		return nil, errors.Join(unix.EWOULDBLOCK, lock.Close())
	}
	return &store{dir, lock}, nil
}

func (s *store) close() { _ = s.lock.Close() }

// first is the host's ID of root in the service's guests.
func (s *store) first() (int, error) {
	info, err := s.lock.Stat()
	if err != nil {
		return 0, err
	}
	return int(info.Sys().(*syscall.Stat_t).Gid), nil
}

// setFirst makes the data those of guests whose root is the host's ID first: that
// group alone may pass.
func (s *store) setFirst(first int) error {
	mode := fs.FileMode(0o700)
	if first != 0 {
		mode = 0o710
	}
	return errors.Join(s.lock.Chown(0, first), s.lock.Chmod(mode))
}

// names gives the names of the folders in one of live, saved and restoring.
func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []string
	for _, e := range entries {
		if _, ok := data.Folder(e.Name()); ok && e.IsDir() {
			all = append(all, e.Name())
		}
	}
	return all, err
}

// aside makes a folder for what is to come. The caller removes it.
func (s *store) aside() (string, error) {
	dir, err := os.MkdirTemp(s.dir, asidePrefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) // #nosec G302 -- guests pass it, and the folder above lets nobody else
}

// sweep removes what was cut off.
func (s *store) sweep() error {
	left, err := filepath.Glob(filepath.Join(s.dir, asidePrefix+"*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// sweepData removes what is left of acts that were cut off. What somebody is at stays.
func (d disk) sweepData() error {
	services, err := d.dataServices()
	for _, service := range services {
		s, e := tryStore(d.dataDir(service))
		if errors.Is(e, unix.EWOULDBLOCK) || errors.Is(e, fs.ErrNotExist) {
			continue
		}
		if e == nil {
			e = s.sweep()
			s.close()
		}
		err = errors.Join(err, e)
	}
	return err
}

// dataServices gives the services that there are data of, in order.
func (d disk) dataServices() (services []string, err error) {
	entries, err := os.ReadDir(filepath.Join(d.path, dataFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if _, _, ok := parseName(e.Name() + "-1"); ok && e.IsDir() {
			services = append(services, e.Name())
		}
	}
	return services, err
}

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

// Data gives the folders of all services' data.
func (e *Engine) Data(ctx context.Context) ([]deployer.Data, error) {
	all, err := e.data(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the data: %w", err)
	}
	return all, nil
}

func (e *Engine) data(ctx context.Context) (all []deployer.Data, err error) {
	services, err := e.disk.dataServices()
	if err != nil {
		return nil, err
	}
	for _, service := range services {
		s := store{dir: e.disk.dataDir(service)} // not locked: it is only looked at
		folders, err := names(s.live())
		if err != nil {
			return nil, err
		}
		saved := there(s.saved()) || there(s.restoring())
		for _, name := range folders {
			size, err := baseroot.Size(ctx, filepath.Join(s.live(), name))
			if err != nil {
				return nil, err
			}
			folder, _ := data.Folder(name)
			all = append(all, deployer.Data{Service: service, Folder: folder, Bytes: size, Saved: saved})
		}
	}
	return all, nil
}

func there(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
