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
	"slices"

	"golang.org/x/sys/unix"
)

// unended says which archive of the open folder has no end yet, "" if none is seen
// to lack it: the mark of the end record (APPNOTE.TXT 4.3.16), which a comment of
// up to 64 KiB may follow. What goes wrong is left to the copy to find.
func unended(folder int, entries []entry, h how) string {
	for _, e := range entries {
		if !IsArchive(e.name) {
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

// checkFiles checks the files of a set in dir that can be told whether they are
// whole: the archives, and what the command runs. The reason is "" if all are;
// main is what the command runs, "" if it is none of them. An error is about
// reading dir.
func checkFiles(ctx context.Context, dir string, files []File, s Service, beat func()) (main, reason string, err error) {
	set := Set{Dir: dir, Files: files}
	names := set.names()
	programs, one := s.programs(names), ""
	if all := candidates(s.Runs, names); len(all) == 1 {
		one = all[0]
	}
	for _, f := range files {
		program := slices.Contains(programs, f.Name)
		if !IsArchive(f.Name) && f.Name != one && !program {
			continue
		}
		err := checkFile(ctx, dir, f, program, f.Name == one, beat)
		if notAboutIt(err) {
			return "", "", fmt.Errorf("check %s: %w", show(f.Name), err)
		}
		if err != nil {
			return "", show(f.Name) + " " + err.Error(), nil
		}
	}
	main, err = set.Main(s.Runs)
	if err != nil && !notAboutIt(err) {
		return "", err.Error(), nil
	}
	return main, "", err
}

func checkFile(ctx context.Context, dir string, f File, program, needMain bool, beat func()) error {
	in, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	defer in.Close()
	at := fileAt{int(in.Fd()), beat}
	if program {
		return checkProgram(at)
	}
	return checkJAR(ctx, at, f.Size, needMain)
}
