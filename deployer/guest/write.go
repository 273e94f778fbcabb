package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// WriteFile makes name a file that holds data. Links are followed inside the
// root, missing parents are made with mode 0755. A file that is there keeps
// its owner and mode and is replaced as one act, so that a reader sees the old
// or the new; one that is itself a mount, as a bind-mounted hosts file, is
// overwritten in place. What is there and no regular file is left as it is:
// ErrIrregular.
//
// Nothing is synced: what must outlive a loss of power is written again by
// whoever knows it.
func (r *Root) WriteFile(name string, data []byte, perm fs.FileMode) error {
	if err := r.writeFile(name, data, perm); err != nil {
		return fmt.Errorf("write %s in %s: %w", name, r.name, err)
	}
	return nil
}

func (r *Root) writeFile(name string, data []byte, perm fs.FileMode) error {
	p, err := r.target(name)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	if err := ordinary(p.dir); err != nil {
		return err
	}
	uid, gid := r.uid, r.gid
	switch st, mounted, err := look(p); {
	case errors.Is(err, unix.ENOENT):
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%w (%s)", ErrIrregular, kind(modeOf(st)))
	case mounted:
		return overwrite(p, data)
	default:
		uid, gid, perm = int(st.Uid), int(st.Gid), modeOf(st)
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	err = r.replace(p, func(f *os.File) error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		return r.own(f, perm.Perm(), uid, gid)
	})
	// Mounted upon meanwhile, or on a filesystem where a name cannot be
	// given to another file.
	if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EXDEV) {
		return overwrite(p, data)
	}
	return err
}

// replace fills a new file and gives it the name at p, in place of whatever
// stands there that is no folder.
func (r *Root) replace(p place, fill func(*os.File) error) (err error) {
	temp := beside(p)
	dir := int(p.dir.Fd())
	if err := unix.Unlinkat(dir, temp.base, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("clear %s: %w", temp.base, err)
	}
	var fd int
	err = r.asOwner(func() (err error) {
		fd, err = unix.Openat(dir, temp.base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), temp.base)
	err = errors.Join(fill(f), f.Close())
	if err == nil {
		err = r.asOwner(func() error { return unix.Renameat(dir, temp.base, dir, p.base) })
	}
	if err != nil {
		_ = unix.Unlinkat(dir, temp.base, 0) // the cause is what went wrong before
	}
	return err
}

// overwrite writes into the file that is there. A reader may see old and new
// bytes mixed, but never an emptied file.
func overwrite(p place, data []byte) error {
	fd, err := unix.Openat(int(p.dir.Fd()), p.base, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), p.base)
	defer f.Close()
	if err := regular(f); err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(data)))
}

// WriteFiles puts files where their names say, one after the other, with the parents
// that are missing. Unlike WriteFile it replaces a link or file that stands
// there by the one given, mode and all: it makes the container, so what an
// image has linked elsewhere (as /etc/resolv.conf into /run) is not what is
// meant. A folder that is in the way is an error.
func (r *Root) WriteFiles(files []File) error {
	for _, f := range files {
		if f.Gone {
			if err := r.clear(f.Name); err != nil {
				return fmt.Errorf("remove %s in %s: %w", f.Name, r.name, err)
			}
		} else if f.Link != "" {
			if err := r.link(f.Link, f.Name); err != nil {
				return fmt.Errorf("link %s in %s to %s: %w", f.Name, r.name, f.Link, err)
			}
		} else if err := r.put(f); err != nil {
			return fmt.Errorf("put %s in %s: %w", f.Name, r.name, err)
		}
	}
	return nil
}

func (r *Root) put(file File) error {
	p, err := r.at(file.Name)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	if err := ordinary(p.dir); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if file.Mode&fs.ModeNamedPipe != 0 {
		return r.fifo(p, file.Mode.Perm())
	}
	return r.replace(p, func(f *os.File) error {
		if _, err := f.Write(file.Data); err != nil {
			return err
		}
		return r.own(f, file.Mode.Perm(), r.uid, r.gid)
	})
}

// fifo makes a FIFO. One that is there stays, since somebody may wait at it.
func (r *Root) fifo(p place, perm fs.FileMode) error {
	if st, _, err := look(p); err == nil && st.Mode&unix.S_IFMT != unix.S_IFIFO {
		if err := unix.Unlinkat(int(p.dir.Fd()), p.base, 0); err != nil {
			return err
		}
	}
	err := r.asOwner(func() error { return unix.Mkfifoat(int(p.dir.Fd()), p.base, uint32(perm)) })
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// clear removes the file or link that stands at a name.
func (r *Root) clear(name string) error {
	p, err := r.at(name)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	if err := unix.Unlinkat(int(p.dir.Fd()), p.base, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// link makes name a link to target, in place of a file or link that is there; a
// folder there is an error. Target is not looked at: it means what the container
// makes of it.
func (r *Root) link(target, name string) error {
	p, err := r.at(name)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	r.writing.Lock()
	defer r.writing.Unlock()
	temp, dir := beside(p), int(p.dir.Fd())
	if err := unix.Unlinkat(dir, temp.base, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("clear %s: %w", temp.base, err)
	}
	err = r.asOwner(func() error { return unix.Symlinkat(target, dir, temp.base) })
	if err != nil {
		return err
	}
	err = r.asOwner(func() error { return unix.Renameat(dir, temp.base, dir, p.base) })
	if err != nil {
		_ = unix.Unlinkat(dir, temp.base, 0) // the cause is what went wrong before
		return err
	}
	return nil
}
