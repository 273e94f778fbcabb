package watcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// errMoved says that a file is not what the scan saw any more.
var errMoved = errors.New("changed while it was read")

// errKeep says that it is the store, not the share, that fails.
var errKeep = errors.New("cannot keep a copy")

// keepError says so of an error, nil if there is none.
func keepError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errKeep, err)
}

// unfitError says that a file cannot be taken whatever one waits for.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return e.reason }

// copyFiles copies what a scan saw below the open folder into dir, a new
// folder of ours, while hashing. Errors are errMoved, *unfitError, or those of
// reading the share or writing dir.
func copyFiles(ctx context.Context, folder int, entries []entry, dir string, h how) ([]File, error) {
	files := make([]File, 0, len(entries))
	buf := make([]byte, 1<<20)
	for _, e := range entries {
		to := filepath.Join(dir, filepath.FromSlash(e.name))
		if err := makeFolders(dir, filepath.Dir(to)); err != nil {
			return nil, err
		}
		out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, keepError(err)
		}
		f, err := readFile(ctx, folder, e, out, buf, h)
		if err != nil {
			out.Close()
			return nil, err
		}
		// The mode explicitly: liblxc is known to change the umask.
		if err := keepError(errors.Join(out.Chmod(f.Mode), out.Close())); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// makeFolders makes the folders from dir, which exists, to sub.
func makeFolders(dir, sub string) error {
	if sub == dir {
		return nil
	}
	if err := makeFolders(dir, filepath.Dir(sub)); err != nil {
		return err
	}
	if err := os.Mkdir(sub, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return keepError(err)
	}
	return keepError(os.Chmod(sub, 0o755))
}

// readFile reads one file of the open folder into out while hashing, and makes
// sure that it is the one that the scan saw.
//
// It reads with plain read(2): os.File.ReadFrom would use copy_file_range, and
// what splices from page to page has given stale bytes on vboxsf.
func readFile(ctx context.Context, folder int, e entry, out io.Writer, buf []byte, h how) (File, error) {
	fd, err := openBelow(folder, e.name, asFile)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO):
		return File{}, errMoved // gone, or a link or a socket now
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return File{}, &unfitError{show(e.name) + " cannot be read (permission denied); make it readable"}
	case err != nil:
		return File{}, fmt.Errorf("read %s: %w", show(e.name), err)
	}
	defer unix.Close(fd)
	if st, err := stat(fd, "", h.fresh); err != nil {
		return File{}, fmt.Errorf("read %s: %w", show(e.name), err)
	} else if st.fingerprint != e.fingerprint {
		return File{}, errMoved
	}
	if h.fresh {
		// Pages that the kernel holds may be of an older file: vboxsf drops
		// them only when the modification time has grown. Failure is harmless.
		_ = unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED)
	}
	hash := newHasher()
	defer hash.end()
	left := e.size
	now, next := buf[:len(buf)/2], buf[len(buf)/2:]
	for ; ; now, next = next, now {
		if err := ctx.Err(); err != nil {
			return File{}, err
		}
		n, err := again(func() (int, error) { return unix.Read(fd, now) })
		h.beat()
		if err != nil {
			return File{}, fmt.Errorf("read %s: %w", show(e.name), err)
		}
		if n == 0 {
			break
		}
		if left -= int64(n); left < 0 {
			return File{}, errMoved
		}
		hash.add(now[:n])
		if _, err := out.Write(now[:n]); err != nil {
			return File{}, keepError(err)
		}
	}
	if left != 0 {
		return File{}, errMoved
	}
	mode := fs.FileMode(0o644)
	if e.mode&0o111 != 0 || slices.Contains(h.programs, e.name) {
		mode = 0o755
	}
	return File{Name: e.name, Size: e.size, Mode: mode, SHA256: hash.end()}, nil
}
