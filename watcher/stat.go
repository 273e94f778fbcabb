package watcher

import (
	"errors"

	"golang.org/x/sys/unix"
)

// stamp is a time on the other side's clock.
type stamp struct {
	sec  int64
	nsec uint32
}

// fingerprint is what a stat says of a file, to be compared for equality only.
// The change time and the inode number are what gives new bytes of the same
// size and modification time away.
type fingerprint struct {
	size         int64
	mtime, ctime stamp
	ino          uint64
	mode         uint32 // type and permission bits, as in stat(2)
	nlink        uint32
}

// status is a file's fingerprint and the device that the file is on.
type status struct {
	fingerprint
	dev uint64
}

// stat asks for a file's status without following a link; name "" is fd
// itself. With fresh the other side of a share is asked even if the kernel
// believes that it knows: NFS keeps what it knows for 3 to 60 s, FUSE for 1 s
// (AT_STATX_FORCE_SYNC in statx(2)).
func stat(fd int, name string, fresh bool) (status, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if fresh {
		flags |= unix.AT_STATX_FORCE_SYNC
	}
	var s unix.Statx_t
	_, err := again(func() (int, error) { return 0, unix.Statx(fd, name, flags, unix.STATX_BASIC_STATS, &s) })
	return status{fingerprint{
		size: int64(s.Size), ino: s.Ino, mode: uint32(s.Mode), nlink: s.Nlink,
		mtime: stamp{s.Mtime.Sec, s.Mtime.Nsec}, ctime: stamp{s.Ctime.Sec, s.Ctime.Nsec},
	}, unix.Mkdev(s.Dev_major, s.Dev_minor)}, err
}

// again repeats a call that a signal interrupted; network file systems mounted
// with "intr" and FUSE do return EINTR.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
