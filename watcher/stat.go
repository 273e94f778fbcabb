package watcher

import (
	"errors"
	"sync/atomic"

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

// noStatx is set once the kernel is seen to lack statx(2) (before 4.11) or a
// seccomp filter to forbid it.
var noStatx atomic.Bool

// stat asks for a file's status without following a link; name "" is fd
// itself. With fresh the other side of a share is asked even if the kernel
// believes that it knows: NFS keeps what it knows for 3 to 60 s, FUSE for 1 s
// (AT_STATX_FORCE_SYNC in statx(2)).
func stat(fd int, name string, fresh bool) (status, error) {
	if noStatx.Load() {
		return oldStat(fd, name)
	}
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if fresh {
		flags |= unix.AT_STATX_FORCE_SYNC
	}
	var s unix.Statx_t
	for {
		switch err := unix.Statx(fd, name, flags, unix.STATX_BASIC_STATS, &s); {
		case err == nil:
			return status{fingerprint{
				size: int64(s.Size), ino: s.Ino, mode: uint32(s.Mode), nlink: s.Nlink,
				mtime: stamp{s.Mtime.Sec, s.Mtime.Nsec}, ctime: stamp{s.Ctime.Sec, s.Ctime.Nsec},
			}, unix.Mkdev(s.Dev_major, s.Dev_minor)}, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
			noStatx.Store(true)
			return oldStat(fd, name)
		default:
			return status{}, err
		}
	}
}

func oldStat(fd int, name string) (status, error) {
	var s unix.Stat_t
	_, err := again(func() (int, error) {
		if name == "" {
			return 0, unix.Fstat(fd, &s)
		}
		return 0, unix.Fstatat(fd, name, &s, unix.AT_SYMLINK_NOFOLLOW)
	})
	return status{fingerprint{
		size: s.Size, ino: s.Ino, mode: s.Mode, nlink: uint32(s.Nlink),
		mtime: stamp{s.Mtim.Sec, uint32(s.Mtim.Nsec)}, ctime: stamp{s.Ctim.Sec, uint32(s.Ctim.Nsec)},
	}, s.Dev}, err
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
