package logs

import (
	"encoding/binary"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reachedAttribute is where it is noted how far a file that a service writes has
// been followed, so that the next agent neither doubles lines nor leaves any out:
// of a file inside at its copy, of what the service prints at the folder around
// it, out of the guest's reach. It comes and goes with them. On a filesystem
// without attributes (xattr(7)) the next agent copies anew what a file holds, and
// goes on with what is printed from then on.
const reachedAttribute = "user.jarloop.reached"

// Reached is how far a file has been read.
type Reached struct {
	Inode  uint64 // of the file: a name may come to stand for another
	Offset int64
}

// Write notes it at a path.
func (r Reached) Write(path string) {
	value := binary.LittleEndian.AppendUint64(nil, r.Inode)
	value = binary.LittleEndian.AppendUint64(value, uint64(r.Offset))
	_ = unix.Setxattr(path, reachedAttribute, value, 0) // best effort, as said above
}

// ReadReached gives what was noted at path, if anything was.
func ReadReached(path string) (r Reached, noted bool) {
	value := make([]byte, 16)
	if n, err := unix.Getxattr(path, reachedAttribute, value); err != nil || n != len(value) {
		return Reached{}, false
	}
	return Reached{
		binary.LittleEndian.Uint64(value),
		int64(binary.LittleEndian.Uint64(value[8:])), //nolint:gosec // as it was written
	}, true
}

// In gives the offset from which an open file is to be read: its beginning, if it
// is another than was read.
func (r Reached) In(f *os.File) int64 {
	if InodeOf(f) != r.Inode {
		return 0
	}
	return r.Offset
}

// InodeOf is 0 where it cannot be known.
func InodeOf(f *os.File) uint64 {
	if info, err := f.Stat(); err == nil {
		return info.Sys().(*syscall.Stat_t).Ino
	}
	return 0
}

// Start is where the next line is that no agent has given. What an earlier
// version has followed says nothing: it has given all that there was.
func (f Folder) Start() int64 {
	file, err := Open(f.Out())
	if err != nil {
		return 0
	}
	defer file.Close()
	if r, noted := ReadReached(string(f)); noted {
		return r.In(file)
	}
	if info, err := file.Stat(); err == nil {
		return info.Size()
	}
	return 0
}
