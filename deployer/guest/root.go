package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// maxFile is the size in bytes beyond which ReadFile refuses a file.
const maxFile = 16 << 20

// ErrIrregular says that a name inside the root leads to something that holds
// no bytes of its own: a folder, FIFO, socket, device, or a file by which the
// kernel is asked or told something.
var ErrIrregular = errors.New("not a regular file")

// Root is the inside of a container, by a descriptor of its root folder. Names
// are resolved as the container itself resolves them, absolute links and ".."
// included, and never lead outside, even when the container exchanges folders
// for links meanwhile. Names may be written with or without the leading slash.
//
// Nothing waits for a FIFO, a device or a terminal that a name leads to. What
// can block is a filesystem that the container itself has mounted and serves
// (FUSE); a caller that must go on runs its calls where it can leave them
// behind.
//
// A Root may be used by several goroutines.
type Root struct {
	name string
	dir  *os.File // O_PATH
	uid  int      // the owner of the root folder owns what is made in it,
	gid  int      // which is right where the container's IDs are shifted

	writing sync.Mutex // temporary names are derived from the final ones
}

// OpenRoot opens the root of a running container (/proc/<init>/root) or a
// mounted root filesystem. The link in /proc is followed once: afterwards the
// Root stays with the container that it was opened for, whatever the process
// ID comes to mean. The caller closes it; while it is open the container's
// root stays busy.
func OpenRoot(dir string) (*Root, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open root %s: %w", dir, err)
	}
	r := &Root{name: dir, dir: os.NewFile(uintptr(fd), dir)}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errors.Join(fmt.Errorf("look at root %s: %w", dir, err), r.Close())
	}
	r.uid, r.gid = int(st.Uid), int(st.Gid)
	return r, nil
}

// Close lets go of the container's root.
func (r *Root) Close() error { return r.dir.Close() }

// Open opens a regular file for reading. Another kind of file is
// ErrIrregular, a missing one fs.ErrNotExist. The caller closes it.
func (r *Root) Open(name string) (*os.File, error) {
	f, err := r.open(name)
	if err != nil {
		return nil, fmt.Errorf("open %s in %s: %w", name, r.name, err)
	}
	return f, nil
}

func (r *Root) open(name string) (*os.File, error) {
	handle, err := r.find(name)
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	if err := regular(handle); err != nil {
		return nil, err
	}
	// The same inode that was looked at, by its descriptor: what the name
	// means by now is of no matter.
	return pathrs.Reopen(handle, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
}

// ReadFile reads a regular file of at most 16 MiB (maxFile).
func (r *Root) ReadFile(name string) ([]byte, error) {
	f, err := r.open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", name, r.name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("longer than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", name, r.name, err)
	}
	return data, nil
}

// stat says what a name leads to, links followed. A missing one is
// fs.ErrNotExist.
func (r *Root) stat(name string) (fs.FileInfo, error) {
	handle, err := r.find(name)
	if err != nil {
		return nil, fmt.Errorf("look at %s in %s: %w", name, r.name, err)
	}
	defer handle.Close()
	return handle.Stat()
}

// exists is whether a name leads to anything.
func (r *Root) exists(name string) bool {
	_, err := r.stat(name)
	return err == nil
}

// find gives an O_PATH handle of what a name leads to.
func (r *Root) find(name string) (*os.File, error) {
	if err := valid(name); err != nil {
		return nil, err
	}
	return pathrs.OpenatInRoot(r.dir, name)
}

// regular is nil for a file that holds its own bytes. The kernel's own
// filesystems are refused too: their files are commands and questions, and
// through them the host's rights would act where the container has none.
func regular(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w (%s)", ErrIrregular, kind(info.Mode()))
	}
	return ordinary(f)
}

// ordinary is nil on a filesystem that keeps files.
func ordinary(f *os.File) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return err
	}
	switch int64(st.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC,
		unix.BINFMTFS_MAGIC, unix.EFIVARFS_MAGIC, unix.PSTOREFS_MAGIC, unix.DEVPTS_SUPER_MAGIC:
		return fmt.Errorf("%w (the kernel's)", ErrIrregular)
	}
	return nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	}
	return "of no known kind"
}
