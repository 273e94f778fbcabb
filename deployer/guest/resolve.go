package guest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// folderMode is the mode of folders that are made on the way to a file.
const folderMode = 0o755

// maxLinks is how many links a name may lead through, as in the kernel
// (path_resolution(7)).
const maxLinks = 40

// valid is nil for a name that means one thing only. Names come from the
// configuration and from patterns; ".." in them would be a mistake, though the
// links that they lead through may well have it.
func valid(name string) error {
	switch {
	case strings.Trim(name, "/") == "":
		return fmt.Errorf("%w: no name", fs.ErrInvalid)
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("%w: a zero byte in %q", fs.ErrInvalid, name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return fmt.Errorf("%w: \"..\" in %q", fs.ErrInvalid, name)
		}
	}
	return nil
}

// place is where a name leads: an entry of a folder that is held open, so that
// whatever happens to the names above it, what is done is done in that folder.
type place struct {
	dir  *os.File // O_PATH; closed by the holder
	base string   // one component, never "", "." or ".."
}

// at finds the place of a name without following a link that stands there.
// Missing folders are made on the way.
func (r *Root) at(name string) (place, error) {
	if err := valid(name); err != nil {
		return place{}, err
	}
	return r.entry(strings.TrimRight(name, "/"))
}

// entry is at for names which links have contributed to.
func (r *Root) entry(name string) (place, error) {
	dir, base := path.Split(strings.TrimRight(name, "/"))
	if base == "" || base == "." || base == ".." {
		return place{}, fmt.Errorf("%w: %q names no entry of a folder", fs.ErrInvalid, name)
	}
	folder, err := r.folder("/"+dir, true)
	if err != nil {
		return place{}, err
	}
	return place{folder, base}, nil
}

// target finds the place that a name leads to when links that stand there are
// followed, inside the root. What is there need not exist.
func (r *Root) target(name string) (place, error) {
	if err := valid(name); err != nil {
		return place{}, err
	}
	for range maxLinks {
		p, err := r.entry(name)
		if err != nil {
			return place{}, err
		}
		link, err := readlink(p)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // no link, or nothing
			return p, nil
		}
		p.dir.Close()
		if err != nil {
			return place{}, err
		}
		// A relative link starts from the folder that it is in. The name is
		// put together as it is, not cleaned: ".." after a link means the
		// parent of where the link leads.
		if dir, _ := path.Split(strings.TrimRight(name, "/")); !path.IsAbs(link) {
			link = dir + link
		}
		name = link
	}
	return place{}, unix.ELOOP
}

// folder gives a handle of the folder that a name leads to, made with its
// parents if mk is set and it is missing.
func (r *Root) folder(name string, mk bool) (*os.File, error) {
	f, err := pathrs.OpenatInRoot(r.dir, name)
	if errors.Is(err, fs.ErrNotExist) && mk && strings.Trim(name, "/") != "" {
		if err := r.makeFolder(name); err != nil {
			return nil, err
		}
		f, err = pathrs.OpenatInRoot(r.dir, name)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (r *Root) makeFolder(name string) error {
	p, err := r.entry(name)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	if err := r.mkdir(p); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // made by another meanwhile, or a link that leads nowhere: what opens it says so
}

// mkdir makes one folder, with folderMode. That one is there already is fs.ErrExist.
func (r *Root) mkdir(p place) error {
	err := r.asOwner(func() error { return unix.Mkdirat(int(p.dir.Fd()), p.base, folderMode) })
	if err != nil {
		return err
	}
	f, err := openFolder(p)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.own(f, folderMode, r.uid, r.gid)
}

// own sets owner and mode. The mode is set by itself, because the umask has
// cut down the one that the file was made with.
func (r *Root) own(f *os.File, perm fs.FileMode, uid, gid int) error {
	if uid != os.Geteuid() || gid != os.Getegid() {
		if err := f.Chown(uid, gid); err != nil {
			return err
		}
	}
	return f.Chmod(perm)
}

// openFolder opens the folder at a place for reading, no link followed. One
// that another filesystem is mounted on is EXDEV.
func openFolder(p place) (*os.File, error) {
	fd, err := unix.Openat2(int(p.dir.Fd()), p.base, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH,
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), p.base), nil
}

func readlink(p place) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(p.dir.Fd()), p.base, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// look says what stands at a place, no link followed, and whether something is
// mounted there. The attribute exists since Linux 5.8 (statx(2)).
func look(p place) (st unix.Statx_t, mounted bool, err error) {
	err = unix.Statx(int(p.dir.Fd()), p.base, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT,
		unix.STATX_BASIC_STATS, &st)
	return st, st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, err
}

func modeOf(st unix.Statx_t) fs.FileMode {
	mode := fs.FileMode(st.Mode & 0o777)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR, unix.S_IFBLK:
		mode |= fs.ModeDevice
	}
	return mode
}

// beside is the name of the temporary that becomes p. It is always the same,
// so that one which a crash has left is found and not one more is made.
func beside(p place) place {
	h := fnv.New64a()
	h.Write([]byte(p.base))
	return place{p.dir, fmt.Sprintf(".jarloop-%016x", h.Sum64())}
}

// temporary is whether a name is one that beside gives.
func temporary(name string) bool { return strings.HasPrefix(name, ".jarloop-") }
