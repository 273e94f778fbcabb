package deployer

import (
	"encoding/binary"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reachedAttribute is where a copy of a service's file says how far it goes, so
// that the next agent neither doubles lines nor leaves any out. It comes and
// goes with the copy. On a filesystem without attributes (xattr(7)) the next
// agent copies anew what the file holds.
const reachedAttribute = "user.jarloop.reached"

// reached is how far a file has been read.
type reached struct {
	inode  uint64 // of the file: a name may come to stand for another
	offset int64
}

func (r reached) write(copied *os.File) {
	value := binary.LittleEndian.AppendUint64(nil, r.inode)
	value = binary.LittleEndian.AppendUint64(value, uint64(r.offset))
	_ = unix.Fsetxattr(int(copied.Fd()), reachedAttribute, value, 0) // best effort, as said above
}

// readReached gives how far the copy goes of the file that open gives now; the
// beginning, if it is of another or of none.
func readReached(copied *os.File, open func() (*os.File, error)) int64 {
	value := make([]byte, 16)
	if n, err := unix.Fgetxattr(int(copied.Fd()), reachedAttribute, value); err != nil || n != len(value) {
		return 0
	}
	f, err := open()
	if err != nil {
		return 0
	}
	defer f.Close()
	if inodeOfOpen(f) != binary.LittleEndian.Uint64(value) {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(value[8:])) //nolint:gosec // as it was written
}

// inodeOfOpen is 0 where it cannot be known.
func inodeOfOpen(f *os.File) uint64 {
	if info, err := f.Stat(); err == nil {
		return info.Sys().(*syscall.Stat_t).Ino
	}
	return 0
}
