package lxc

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

// reached is how far a file has been read.
type reached struct {
	inode  uint64 // of the file: a name may come to stand for another
	offset int64
}

func (r reached) write(path string) {
	value := binary.LittleEndian.AppendUint64(nil, r.inode)
	value = binary.LittleEndian.AppendUint64(value, uint64(r.offset))
	_ = unix.Setxattr(path, reachedAttribute, value, 0) // best effort, as said above
}

// readReached gives what was noted at path, if anything was.
func readReached(path string) (r reached, noted bool) {
	value := make([]byte, 16)
	if n, err := unix.Getxattr(path, reachedAttribute, value); err != nil || n != len(value) {
		return reached{}, false
	}
	return reached{
		binary.LittleEndian.Uint64(value),
		int64(binary.LittleEndian.Uint64(value[8:])), //nolint:gosec // as it was written
	}, true
}

// in gives the offset from which an open file is to be read: its beginning, if it
// is another than was read.
func (r reached) in(f *os.File) int64 {
	if inodeOfOpen(f) != r.inode {
		return 0
	}
	return r.offset
}

// inodeOfOpen is 0 where it cannot be known.
func inodeOfOpen(f *os.File) uint64 {
	if info, err := f.Stat(); err == nil {
		return info.Sys().(*syscall.Stat_t).Ino
	}
	return 0
}
