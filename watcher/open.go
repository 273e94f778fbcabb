package watcher

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// place is a service's folder. When it is below root, root is opened by name,
// for whoever configured it is trusted, and every component below root without
// following a link, for the other side of the share can make links there.
type place struct {
	root, dir string // absolute and clean
}

// open gives a descriptor of the folder, which the caller closes. A folder
// that is not there is fs.ErrNotExist.
func (p place) open() (int, error) {
	rel, err := filepath.Rel(p.root, p.dir)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return openPath(p.dir)
	}
	root, err := openPath(p.root)
	if err != nil {
		return -1, err
	}
	defer unix.Close(root)
	fd, err := openBelow(root, rel, asFolder)
	if err != nil {
		return -1, fmt.Errorf("open folder %s: %w", p.dir, err)
	}
	return fd, nil
}

func openPath(name string) (int, error) {
	fd, err := again(func() (int, error) {
		return unix.Open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return -1, fmt.Errorf("open folder %s: %w", name, err)
	}
	return fd, nil
}

const (
	asFolder = unix.O_DIRECTORY
	// asFile keeps a FIFO that has taken a file's place from blocking the call;
	// it means nothing to regular files.
	asFile = unix.O_NONBLOCK | unix.O_NOCTTY
)

// openBelow opens what has this name (slashes allowed) below an open folder. It
// follows no link in any component, not even one that stays inside, which
// os.Root and pathrs would: that is ELOOP, and a link in the place of the folder
// ENOTDIR.
func openBelow(folder int, name string, as int) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | uint64(as),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	return again(func() (int, error) { return unix.Openat2(folder, name, &how) })
}
