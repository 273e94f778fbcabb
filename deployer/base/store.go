package base

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// Errors that a caller decides on; their texts come with a remedy.
var (
	// ErrFile says that a file is not one that Export wrote, whole.
	ErrFile = errors.New("not a whole base")
	// ErrDiffers says that a file's base is not the one that was asked for.
	ErrDiffers = errors.New("another base than the one in the configuration")
	// ErrClones says that clones rest on a base.
	ErrClones = errors.New("clones rest on it")
	// ErrRunning says that somebody started a base.
	ErrRunning = errors.New("it runs, and a base must be stopped")
)

// Recipe says what a base is made of.
type Recipe = rootfs.Recipe

// Store is the bases below one lxc.path.
type Store struct {
	// Path is lxc.path, an absolute path; it is made if it is not there.
	Path string
	// Bridge is what a base's clones are connected to; they have no network
	// if it is empty.
	Bridge string
	// Btrfs makes each root a subvolume, of which clones are snapshots. Path
	// has to be on btrfs.
	Btrfs bool
	// Timeout is how long a build may take, half an hour if it is 0.
	Timeout time.Duration
	// Progress, if it is not nil, receives each step and each line of a build,
	// an export or an import, which waits for it. It may be called from several
	// goroutines.
	Progress func(Progress)
}

// folder gives where a container is kept.
func (s *Store) folder(container string) string { return filepath.Join(s.Path, container) }

// rootOf gives the root in a container's folder.
func rootOf(dir string) string { return filepath.Join(dir, "rootfs") }

// configOf gives the configuration in a container's folder.
func configOf(dir string) string { return filepath.Join(dir, "config") }

func onDisk(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// makePath makes lxc.path, if it is not there, and says where the clones of the
// recipe could not come to it.
func (s *Store) makePath(r Recipe) error {
	if err := os.MkdirAll(s.Path, 0o755); err != nil || r.First == 0 {
		return err
	}
	return Passable(s.Path, r.First)
}

// check says why nothing can be changed here.
func (s *Store) check() error {
	switch {
	case !filepath.IsAbs(s.Path):
		return fmt.Errorf("lxc.path %q is not absolute", s.Path)
	case os.Geteuid() != 0:
		return errors.New("only root can")
	}
	return nil
}
