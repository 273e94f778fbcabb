// Package data has what engines share that keep the data of services: how folders are
// called in archives, where they can be inside, and whether an archive is whole.
package data

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Name is the name of a folder inside among those of its service.
func Name(folder string) string { return url.PathEscape(strings.TrimPrefix(folder, "/")) }

// Folder is the folder inside that a name stands for.
func Folder(name string) (folder string, ok bool) {
	inside, err := url.PathUnescape(name)
	folder = "/" + inside
	return folder, err == nil && inside != "" && path.Clean(folder) == folder && Name(folder) == name
}

// NotData is the error of an archive with something else at its top.
func NotData(name string) error {
	return fmt.Errorf("the archive is none of data: at its top is %q, and not a folder that is named like one inside, with %%2F for /", name)
}

// ErrEmpty says that an archive has nothing.
var ErrEmpty = errors.New("the archive is none of data: it is empty")

// Places are where data are inside, without links, each apart from the others.
type Places []string

// Add adds where a folder leads in a base.
func (p *Places) Add(folder, at string) error {
	for _, of := range []string{"/dev", "/etc/jarloop", "/proc", "/run", "/sys", "/var/log/jarloop"} {
		if within(at, of) || within(of, at) {
			return fmt.Errorf("data %s: in this base it leads to %s, which is the container's own: choose another folder", folder, at)
		}
	}
	for _, other := range *p {
		if within(at, other) || within(other, at) {
			return fmt.Errorf("data %s: in this base it leads to %s, where other data are: choose another folder", folder, at)
		}
	}
	*p = append(*p, at)
	return nil
}

// NoFolder is the error of a place where something else is.
func NoFolder(folder, at string) error {
	return fmt.Errorf("data %s: in this base %s is no folder: choose another", folder, at)
}

func within(path, folder string) bool {
	return path == folder || folder == "/" || strings.HasPrefix(path, folder+"/")
}

// Archive is a tar archive that is being read. One ends with two blocks of zeros; one
// that was cut off between two files is taken for a whole one without a look at these.
type Archive struct {
	From io.Reader
	last []byte
}

func (a *Archive) Read(b []byte) (int, error) {
	n, err := a.From.Read(b)
	a.last = append(a.last, b[:n]...)
	a.last = slices.Clone(a.last[max(0, len(a.last)-1024):])
	return n, err
}

// Whole reads what is left, and is an error where the end is missing.
func (a *Archive) Whole() error {
	if _, err := io.Copy(io.Discard, a); err != nil {
		return err
	}
	if len(a.last) < 1024 || slices.ContainsFunc(a.last, func(b byte) bool { return b != 0 }) {
		return errors.New("the archive is not whole")
	}
	return nil
}
