package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// CopyTree makes the folder dst inside the root hold exactly what the host's
// folder src holds: regular files, with their permissions, and folders, which
// get mode 0755; anything else in src is an error. Links are followed to dst,
// and missing parents are made.
//
// The new tree is made beside dst and takes its place as one act. Where that
// cannot be, because dst is a mount or comes from the image below an overlay,
// each file is replaced by itself, and what is not in src goes last. When
// CopyTree fails, dst may be a mixture in that case, and is as it was in the
// other. What is mounted below dst stays.
func (r *Root) CopyTree(ctx context.Context, src, dst string) error {
	if err := r.copyTree(ctx, src, dst); err != nil {
		return fmt.Errorf("copy %s to %s in %s: %w", src, dst, r.name, err)
	}
	return nil
}

func (r *Root) copyTree(ctx context.Context, src, dst string) error {
	from, err := os.OpenFile(src, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	p, err := r.target(dst)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	if err := ordinary(p.dir); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	st, mounted, err := look(p)
	missing := errors.Is(err, unix.ENOENT)
	switch {
	case missing:
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%w: %s", unix.ENOTDIR, kind(modeOf(st)))
	case !mounted:
		if mounted, err = mountedBelow(ctx, p, 0); err != nil {
			return err
		}
	}
	if mounted {
		return r.update(ctx, from, p)
	}
	err = r.exchange(ctx, from, p, missing)
	if errors.Is(err, errNotAsOne) {
		if _, err := from.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return r.update(ctx, from, p)
	}
	return err
}

// errNotAsOne says that a tree cannot take another's place as one act.
var errNotAsOne = errors.New("not to be exchanged as one")

// exchange makes the tree beside p, lets it take p's place, and removes the
// one that was there.
func (r *Root) exchange(ctx context.Context, from *os.File, p place, missing bool) (err error) {
	temp := beside(p)
	if err := remove(ctx, temp, 0); err != nil {
		return fmt.Errorf("clear %s: %w", temp.base, err)
	}
	if err := r.mkdir(temp); err != nil {
		return err
	}
	defer func() {
		// On failure the new tree stands there, on success the old one. The
		// context may have ended; what it asked for is undone all the same.
		err = errors.Join(err, remove(context.WithoutCancel(ctx), temp, 0))
	}()
	to, err := openFolder(temp)
	if err != nil {
		return err
	}
	err = r.copyInto(ctx, from, to, 0)
	to.Close()
	if err != nil {
		return err
	}
	flags := uint(unix.RENAME_EXCHANGE)
	if missing {
		flags = unix.RENAME_NOREPLACE
	}
	dir := int(p.dir.Fd())
	err = r.asOwner(func() error { return unix.Renameat2(dir, temp.base, dir, p.base, flags) })
	switch {
	// EXDEV is overlayfs refusing to rename a folder of its lower layer
	// (kernel doc, overlayfs, "redirect_dir"), EINVAL a filesystem that knows
	// no exchange.
	case errors.Is(err, unix.EXDEV), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EBUSY):
		return errNotAsOne
	case err != nil:
		return fmt.Errorf("put the new tree in place: %w", err)
	}
	return nil
}

// update brings src into a folder that must stay, file by file.
func (r *Root) update(ctx context.Context, from *os.File, p place) error {
	// Not openFolder, which would refuse a mount: this one is meant.
	fd, err := unix.Openat(int(p.dir.Fd()), p.base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	to := os.NewFile(uintptr(fd), p.base)
	defer to.Close()
	if err := ordinary(to); err != nil {
		return err
	}
	return r.copyInto(ctx, from, to, 0)
}

// copyInto makes the open folder to hold exactly what the open folder from
// holds.
func (r *Root) copyInto(ctx context.Context, from, to *os.File, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: folders more than %d deep", from.Name(), maxDepth)
	}
	keep := map[string]bool{}
	err := entries(from, func(name string) error {
		keep[name] = true
		if err := r.copyEntry(ctx, place{from, name}, place{to, name}, depth); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return entries(to, func(name string) error {
		if keep[name] {
			return nil
		}
		if err := remove(ctx, place{to, name}, 0); !errors.Is(err, errMounted) {
			return err
		}
		return nil
	})
}

func (r *Root) copyEntry(ctx context.Context, src, dst place, depth int) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	fd, err := unix.Openat(int(src.dir.Fd()), src.base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	from := os.NewFile(uintptr(fd), src.base)
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return fmt.Errorf("%w (%s)", ErrIrregular, kind(info.Mode()))
	}
	st, _, err := look(dst)
	there := err == nil
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	switch {
	case err != nil && !errors.Is(err, unix.ENOENT):
		return err
	case there && isDir != info.IsDir():
		if err := remove(ctx, dst, 0); err != nil {
			return err
		}
	}
	if info.IsDir() {
		return r.copyFolder(ctx, from, dst, depth)
	}
	return r.replace(dst, func(f *os.File) error {
		if err := copyBytes(ctx, f, from); err != nil {
			return err
		}
		return r.own(f, info.Mode().Perm(), r.uid, r.gid)
	})
}

func (r *Root) copyFolder(ctx context.Context, from *os.File, dst place, depth int) error {
	if err := r.mkdir(dst); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	to, err := openFolder(dst)
	if err != nil {
		return err
	}
	defer to.Close()
	return r.copyInto(ctx, from, to, depth+1)
}

// copyBytes copies by the kernel where it can (copy_file_range(2)), in pieces
// after each of which the context is heard.
func copyBytes(ctx context.Context, to, from *os.File) error {
	const piece = 8 << 20
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		_, err := io.CopyN(to, from, piece)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
