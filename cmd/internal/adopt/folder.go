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

// archive is a JAR that was found.
type archive struct {
	name string // relative to the service's folder
	jar  watcher.JAR
	err  error // why it cannot be read
}

// folder is what one service's folder holds.
type folder struct {
	name  string
	files []string // relative to it
	jars  []archive
	texts []text
}

// readFolder reads one service's folder. Links and what is no regular file are
// passed over, as they are when artefacts are taken.
func readFolder(root *os.Root, name string) (folder, error) {
	f := folder{name: name}
	err := fs.WalkDir(root.FS(), name, func(file string, d fs.DirEntry, err error) error {
		if len(f.files) >= mostFiles {
			return fs.SkipAll
		}
		if err != nil || !d.Type().IsRegular() || plain(file) != file {
			return nil // what cannot be read or named is missed, and no more
		}
		inside := strings.TrimPrefix(file, name+"/")
		f.files = append(f.files, inside)
		switch {
		case path.Ext(file) == ".jar" && !strings.Contains(inside, "/"):
			f.jars = append(f.jars, readJAR(root, file, inside))
		case isSettings(file) && len(f.texts) < mostTexts:
			if content, err := readText(root, file); err == nil {
				f.texts = append(f.texts, text{file, strings.Split(content, "\n")})
			}
		}
		return nil
	})
	return f, err
}

// runnable gives the JARs that java -jar can run, by name.
func (f folder) runnable() []archive {
	return slices.DeleteFunc(slices.Clone(f.jars), func(a archive) bool { return a.err != nil || a.jar.MainClass == "" })
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
	return string(content), err
}

func readJAR(root *os.Root, name, inside string) archive {
	a := archive{name: inside}
	f, size, err := open(root, name)
	if err != nil {
		a.err = err
		return a
	}
	defer f.Close()
	a.jar, a.err = watcher.ReadJAR(f, size)
	return a
}
