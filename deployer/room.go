package deployer

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A deploy that has failed because a disk is full is tried again when that has
// considerably more room than it had before: once, and then it must have
// considerably more again. So nobody has to ask for it when the disk has been
// tidied up, and one that stays full is not told of again and again.

// room is what is free on the disk of a folder.
type room struct {
	folder        string
	bytes, inodes uint64
	full          bool
}

// What a disk has less of is full.
const (
	fewBytes  = 1 << 20
	fewInodes = 64
)

// rooms gives what is free where containers are, and where their logs are.
func (d *Deployer) rooms() []room {
	var all []room
	for _, folder := range []string{filepath.Dir(d.Machine.Folder("any")), d.Logs} {
		var s unix.Statfs_t
		r := room{folder: folder}
		err := unix.Statfs(folder, &s)
		if errors.Is(err, unix.ENOENT) { // the first deploy makes it
			err = unix.Statfs(filepath.Dir(folder), &s)
		}
		if err == nil {
			r.bytes, r.inodes = s.Bavail*uint64(s.Bsize), s.Ffree
			r.full = r.bytes < fewBytes || s.Files > 0 && r.inodes < fewInodes // btrfs counts none
		}
		all = append(all, r)
	}
	return all
}

// considerably says whether there is so much more now on one of the disks that
// it is worth another attempt.
func considerably(now, before []room) bool {
	for i, n := range now {
		b := before[i]
		if n.bytes >= b.bytes+max(b.bytes/2, fewBytes) || n.inodes >= b.inodes+max(b.inodes/2, fewInodes) {
			return true
		}
	}
	return false
}

// fullError is one of which a full disk is the likely cause, though it does not
// say so: that of an overlay that could not be mounted is EINVAL for liblxc, and
// that of a service in a container anything.
type fullError struct {
	error
	room
}

func (e *fullError) Error() string {
	return fmt.Sprintf("%v (no space left on device: %s has room for %d KiB and %d files)", e.error, e.folder, e.bytes>>10, e.inodes)
}

func (e *fullError) Unwrap() error        { return e.error }
func (e *fullError) Is(target error) bool { return target == unix.ENOSPC }

// blame adds to what has failed that a disk is full. It is to be called before
// anything is undone.
func (d *Deployer) blame(err error) error {
	if err == nil || errors.Is(err, unix.ENOSPC) {
		return err
	}
	for _, r := range d.rooms() {
		if r.full {
			return &fullError{err, r}
		}
	}
	return err
}

// starved is a request that has found a disk full, and what was free before.
type starved struct {
	request
	before []room
}

// starve keeps a request that has failed, if that was for want of room.
func (l *lane) starve(r request, before []room, err error) bool {
	if !errors.Is(err, unix.ENOSPC) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.number != l.number {
		return false // a newer one is there already
	}
	l.starved = &starved{r, before}
	return true
}

// feed tries again what was starved, where there is room for it now.
func (d *Deployer) feed() {
	for _, l := range d.all() {
		l.mu.Lock()
		s := l.starved
		if s == nil || !considerably(d.rooms(), s.before) {
			l.mu.Unlock()
			continue
		}
		l.starved = nil
		l.mu.Unlock()
		s.done = make(chan Result, 1) // who waited for it has been answered
		s.seen = time.Time{}
		d.put(s.request)
	}
}
