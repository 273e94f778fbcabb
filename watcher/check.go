package watcher

import (
	"archive/zip"
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
// to lack it. It reads the last 65 KiB at most; what goes wrong is left to the
// copy to find.
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
		_, _, err = findEnd(fileAt{fd, h.beat}, e.size)
		unix.Close(fd)
		if errors.Is(err, zip.ErrFormat) {
			return show(e.name) + " has no end yet"
		}
	}
	return ""
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
		why, err := checkFile(ctx, filepath.Join(dir, filepath.FromSlash(f.Name)), f.Name == main, beat)
		if err != nil {
			return "", fmt.Errorf("check %s: %w", show(f.Name), err)
		}
		if why != nil {
			return show(f.Name) + " " + why.Error(), nil
		}
	}
	return "", nil
}

// checkFile checks one JAR: why is what is wrong with it, err what is wrong
// with reading it.
func checkFile(ctx context.Context, name string, needMain bool, beat func()) (why, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	why = checkJAR(ctx, fileAt{int(f.Fd()), beat}, info.Size(), needMain)
	if why != nil && notAboutIt(why) {
		return nil, why
	}
	return why, nil
}
