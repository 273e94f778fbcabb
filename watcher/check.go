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
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
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

// inspection is how closely files are checked.
type inspection struct {
	whole  bool // to the last byte; else their outline alone
	before Set  // known to be whole: what it has, too, is not read again
}

// checkFiles checks the files of a set that can be told whether they are whole:
// the archives, and what the command runs. The reason is "" if all are; main is
// what the command runs, "" if it is none of them. An error is about reading them.
func checkFiles(ctx context.Context, set Set, s Service, how inspection, beat func()) (main, reason string, err error) {
	names := set.names()
	programs, one := s.programs(names), ""
	if all := candidates(s.Runs, names); len(all) == 1 {
		one = all[0]
	}
	wrong := make([]error, len(set.Files))
	var group errgroup.Group
	group.SetLimit(min(runtime.GOMAXPROCS(0), 4))
	for i, f := range set.Files {
		program := slices.Contains(programs, f.Name)
		if !IsArchive(f.Name) && f.Name != one && !program || f.Name != one && !program && how.before.same(f) {
			continue
		}
		group.Go(func() error {
			wrong[i] = checkFile(ctx, set.Dir, f, program, f.Name == one, how, beat)
			return nil
		})
	}
	_ = group.Wait() // gives nothing: each has its own error
	for i, err := range wrong {
		switch name := show(set.Files[i].Name); {
		case notAboutIt(err):
			return "", "", fmt.Errorf("check %s: %w", name, err)
		case err != nil:
			return "", name + " " + err.Error(), nil
		}
	}
	main, err = set.Main(s.Runs)
	if err != nil && !notAboutIt(err) {
		return "", err.Error(), nil
	}
	return main, "", err
}

func checkFile(ctx context.Context, dir string, f File, program, needMain bool, how inspection, beat func()) error {
	in, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	defer in.Close()
	at := fileAt{int(in.Fd()), beat}
	if program {
		return checkProgram(at)
	}
	if !how.whole {
		return checkOutline(ctx, at, f.Size, needMain)
	}
	if how.before.same(f) {
		return checkOutline(ctx, at, f.Size, needMain)
	}
	old, err := openBefore(how.before, f.Name, beat)
	if err != nil {
		return checkJAR(ctx, at, f.Size, needMain, nil)
	}
	defer old.file.Close()
	return checkJAR(ctx, at, f.Size, needMain, old.entries)
}
