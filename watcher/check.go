package watcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// endless says which JAR of the open folder has no end yet, "" if none is seen
// to lack it: the mark of the end record (APPNOTE.TXT 4.3.16), which a comment of
// up to 64 KiB may follow. What goes wrong is left to the copy to find.
func endless(folder int, entries []entry, h how) string {
	for _, e := range entries {
		if !isJAR(e.name) {
			continue
		}
		fd, err := openBelow(folder, e.name, asFile)
		if err != nil {
			return ""
		}
		if h.fresh {
			_ = unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) // as in readFile
		}
		has, err := hasEnd(fileAt{fd, h.beat}, e.size)
		unix.Close(fd)
		if err == nil && !has {
			return show(e.name) + " has no end yet"
		}
	}
	return ""
}

// hasEnd looks in the last KiB, then in the last 65.
func hasEnd(r io.ReaderAt, size int64) (bool, error) {
	for _, n := range []int64{1 << 10, 65 << 10} {
		buf := make([]byte, min(n, size))
		if _, err := r.ReadAt(buf, size-int64(len(buf))); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if bytes.Contains(buf, []byte("PK\x05\x06")) {
			return true, nil
		}
	}
	return false, nil
}

// fileAt is a descriptor as an io.ReaderAt that shows progress.
type fileAt struct {
	fd   int
	beat func()
}

// ReadAt implements io.ReaderAt.
func (f fileAt) ReadAt(p []byte, off int64) (done int, err error) {
	for done < len(p) {
		n, err := again(func() (int, error) { return unix.Pread(f.fd, p[done:], off+int64(done)) })
		f.beat()
		if err != nil {
			return done, &fs.PathError{Op: "read", Path: "a file", Err: err}
		}
		if n == 0 {
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

// checkFiles checks every JAR of a copy in dir. The reason is "" if all are
// whole; main is the one that needs a Main-Class. An error is about reading
// dir.
func checkFiles(ctx context.Context, dir string, files []File, main string, beat func()) (reason string, err error) {
	for _, f := range files {
		if !isJAR(f.Name) {
			continue
		}
		err := checkFile(ctx, dir, f, f.Name == main, beat)
		if notAboutIt(err) {
			return "", fmt.Errorf("check %s: %w", show(f.Name), err)
		}
		if err != nil {
			return show(f.Name) + " " + err.Error(), nil
		}
	}
	return "", nil
}

func checkFile(ctx context.Context, dir string, f File, needMain bool, beat func()) error {
	in, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	defer in.Close()
	return checkJAR(ctx, fileAt{int(in.Fd()), beat}, f.Size, needMain)
}
