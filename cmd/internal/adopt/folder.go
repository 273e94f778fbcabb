package adopt

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/watcher"
)

// Bounds of what is read of a share, which anyone may have filled.
const (
	mostFiles = 2000      // of one service's folder
	mostTexts = 20        // of these, that are read for ports and hosts
	mostBytes = 256 << 10 // of one text
)

// readFolder reads one service's folder: what matches the patterns, or all that is in
// it. Links and what is no regular file are passed over, as they are when artefacts
// are taken.
func readFolder(root *os.Root, name string, patterns []string) (folder, error) {
	f := folder{name: name}
	for _, pattern := range patterns {
		found, err := fs.Glob(root.FS(), path.Join(name, pattern))
		if err != nil {
			return f, err
		}
		for _, file := range found {
			if info, err := root.Lstat(file); err == nil && info.Mode().IsRegular() && plain(file) == file && len(f.files) < mostFiles {
				f.take(root, file, true)
			}
		}
	}
	if patterns != nil {
		return f, nil
	}
	err := fs.WalkDir(root.FS(), name, func(file string, d fs.DirEntry, err error) error {
		if len(f.files) >= mostFiles {
			return fs.SkipAll
		}
		if err != nil || !d.Type().IsRegular() || plain(file) != file {
			return nil // what cannot be read or named is missed, and no more
		}
		f.take(root, file, path.Dir(file) == name)
		return nil
	})
	return f, err
}

// take looks into a file; top says that it may be what runs.
func (f *folder) take(root *os.Root, file string, top bool) {
	inside := strings.TrimPrefix(file, f.name+"/") // nothing is to be cut off in "."
	f.files = append(f.files, inside)
	switch {
	case (top || inside == "quarkus-app/quarkus-run.jar") && isArchive(file):
		f.archives = append(f.archives, readArchive(root, file, inside))
	case top && isNative(root, file):
		f.natives = append(f.natives, inside)
	case isSettings(file) && len(f.texts) < mostTexts:
		if content, err := readText(root, file); err == nil {
			f.texts = append(f.texts, parseText(file, content))
		}
	}
}

// runnable gives the archives that java -jar can run, by name. Of a program with its
// libraries and the same without it is the first.
func (f *folder) runnable() []archive {
	all := slices.DeleteFunc(slices.Clone(f.archives), func(a archive) bool { return a.err != nil || a.main == "" })
	var names []string
	for _, a := range all {
		names = append(names, a.name)
	}
	if main := watcher.Bundled(names); main != "" {
		all = slices.DeleteFunc(all, func(a archive) bool { return a.name != main })
	}
	return all
}

// visible gives the files that a person would see, and no logs.
func (f *folder) visible() []string {
	return slices.DeleteFunc(slices.Clone(f.files), func(name string) bool {
		return path.Ext(name) == ".log" || slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return part[0] == '.' })
	})
}

// isNative says whether a file is a program for the machine itself (elf(5)).
func isNative(root *os.Root, name string) bool {
	if path.Ext(name) != "" {
		return false
	}
	f, _, err := open(root, name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 18)
	_, err = io.ReadFull(f, head)
	return err == nil && string(head[:4]) == "\x7fELF" && (head[16] == 2 || head[16] == 3) // ET_EXEC, ET_DYN
}

// open opens a regular file of the share. It waits for no FIFO, and what is no
// regular file is an error.
func open(root *os.Root, name string) (*os.File, int64, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is no regular file")
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func readText(root *os.Root, name string) (string, error) {
	f, size, err := open(root, name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if size > mostBytes {
		return "", fmt.Errorf("%s: is longer than %d bytes", name, mostBytes)
	}
	content, err := io.ReadAll(io.LimitReader(f, mostBytes))
	return strings.TrimPrefix(string(content), "\uFEFF"), err // which editors of Windows put there
}
