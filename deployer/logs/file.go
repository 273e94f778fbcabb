package logs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errIrregular says that what is to be read is a folder, link, FIFO, socket or
// device.
var errIrregular = errors.New("not a regular file")

// Open opens a file that a container writes, for Follow and Bound. A link is
// not followed, nothing that could block or that acts on being opened is opened,
// and a missing file is fs.ErrNotExist. The caller closes it.
func Open(path string) (*os.File, error) { return open(path, os.O_RDWR) }

func open(path string, flags int) (*os.File, error) {
	// What it is is seen before it is opened, since a device can act on that.
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errIrregular}
	}
	again, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), flags|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(again), path), nil
}

// Bound gives the beginning of a file back to its filesystem, so that about
// the last keep bytes remain, once it takes up more than twice that. Its size
// and the offsets in it stay as they are, and whoever appends to it is not
// disturbed. On a filesystem that cannot do so (fallocate(2),
// FALLOC_FL_PUNCH_HOLE) the file is emptied instead; a writer must have it
// open for appending then, as it should anyway.
func Bound(f *os.File, keep int64) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("bound %s: %w", f.Name(), err)
	}
	if allocated(info) <= 2*keep {
		return nil
	}
	_, err = release(f, info.Size()-keep)
	return err
}

// block is what is given back whole. Filesystems with larger ones write zeros
// into what is left of one, which is read as given back too.
const block = 4096

// release gives back what lies before an offset, and says whether the file had
// to be emptied for it.
func release(f *os.File, before int64) (emptied bool, err error) {
	before -= before % block
	if before <= 0 {
		return false, nil
	}
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, before)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		err, emptied = f.Truncate(0), true
	}
	if err != nil {
		return false, fmt.Errorf("bound %s: %w", f.Name(), err)
	}
	return emptied, nil
}

// allocated is what a file takes up, in bytes.
func allocated(info fs.FileInfo) int64 {
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// data gives the first offset, from the one given on, at which a file holds
// bytes that have not been given back; its size if there is none. It moves the
// descriptor's own offset.
func data(f *os.File, offset, size int64) (int64, error) {
	if offset >= size {
		return offset, nil
	}
	at, err := unix.Seek(int(f.Fd()), offset, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) { // nothing from here to the end (lseek(2))
		return size, nil
	}
	return at, err
}

// Prune removes the folders of old generations from a service's folder: of
// those whose names end in a number, the keep newest stay, and those that are
// in use by name, which do not count. Newer is what has had its last record
// later, or the higher number where none says. Anything else in the folder
// stays too. A folder that is missing has nothing to remove.
func Prune(dir string, keep int, inUse map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("prune logs: %w", err)
	}
	var found []ended
	for _, e := range entries {
		if n, ok := number(e.Name()); ok && e.IsDir() && !inUse[e.Name()] {
			found = append(found, ended{e.Name(), n, recorded(filepath.Join(dir, e.Name()))})
		}
	}
	slices.SortFunc(found, newestFirst)
	var errs []error
	for _, g := range found[min(keep, len(found)):] {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, g.name)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("prune logs: %w", err)
	}
	return nil
}

// ended is a generation that is gone but for what it has printed.
type ended struct {
	name     string
	number   uint64
	recorded time.Time // zero: nothing says
}

func newestFirst(a, b ended) int {
	return cmp.Or(b.recorded.Compare(a.recorded), cmp.Compare(b.number, a.number), strings.Compare(a.name, b.name))
}

// recorded gives when the last record in a folder was written.
func recorded(folder string) time.Time {
	info, err := os.Lstat(Folder(folder).Record())
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// number reads the digits at the end of a name.
func number(name string) (uint64, bool) {
	digits := name[len(strings.TrimRight(name, "0123456789")):]
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}
