package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxDepth bounds how deep a tree is walked, and so the descriptors that are
// open at once. A container could make one of any depth.
const maxDepth = 100

// errMounted says that something is mounted on a name that was to go. It is
// the container's, or shared by the host, and never emptied.
var errMounted = errors.New("something is mounted there")

// mountedBelow is whether anything is mounted in the folder at p.
func mountedBelow(ctx context.Context, p place, depth int) (bool, error) {
	if err := context.Cause(ctx); err != nil {
		return false, err
	}
	if depth > maxDepth {
		return false, fmt.Errorf("%s: folders more than %d deep", p.base, maxDepth)
	}
	f, err := openFolder(p)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EXDEV) {
		return errors.Is(err, unix.EXDEV), nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	found := false
	err = entries(f, func(name string) error {
		st, mounted, err := look(place{f, name})
		if err == nil && !mounted && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			mounted, err = mountedBelow(ctx, place{f, name}, depth+1)
		}
		found = found || mounted
		if errors.Is(err, unix.ENOENT) {
			return nil // gone meanwhile
		}
		return err
	})
	return found, err
}

// remove removes what stands at p: a file, a link (not what it leads to) or a folder
// with all that is in it. It never goes into what is mounted there: such a folder is
// an error, with its content untouched. That nothing stands there is no error.
func remove(ctx context.Context, p place, depth int) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: folders more than %d deep", p.base, maxDepth)
	}
	// A mount of the container's own namespace is not in the way of a host
	// that unlinks below it: it would be taken off (namespaces since Linux
	// 3.19 detach what is mounted on an unlinked name).
	if _, mounted, err := look(p); err == nil && mounted {
		return fmt.Errorf("%s: %w", p.base, errMounted)
	}
	dir := int(p.dir.Fd())
	err := unix.Unlinkat(dir, p.base, 0)
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return nil
	case !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM): // EPERM is what POSIX has for a folder
		return err
	}
	f, openErr := openFolder(p)
	if errors.Is(openErr, unix.ENOTDIR) {
		return err
	}
	if openErr != nil {
		return openErr
	}
	err = entries(f, func(name string) error { return remove(ctx, place{f, name}, depth+1) })
	f.Close()
	if err != nil {
		return err
	}
	if err := unix.Unlinkat(dir, p.base, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// entries calls do for each name in an open folder, a bounded number of them
// in memory at a time.
func entries(f *os.File, do func(name string) error) error {
	for {
		names, err := f.Readdirnames(256)
		for _, name := range names {
			if err := do(name); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
