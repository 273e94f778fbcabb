package watcher

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// opened is an archive that is known to be whole.
type opened struct {
	file    *os.File
	entries map[string]*zip.File
}

// openBefore opens the archive that a set known to be whole has by a name. An error
// says that there is none to compare with: sets that nobody needs are removed.
func openBefore(set Set, name string, beat func()) (opened, error) {
	if set.Dir == "" {
		return opened{}, os.ErrNotExist
	}
	file, err := os.Open(filepath.Join(set.Dir, filepath.FromSlash(name)))
	if err != nil {
		return opened{}, err
	}
	info, err := file.Stat()
	if err == nil {
		var z *zip.Reader
		if z, err = openJAR(fileAt{int(file.Fd()), beat}, info.Size()); err == nil {
			return opened{file, byName(z.File)}, nil
		}
	}
	return opened{}, errors.Join(err, file.Close())
}

func byName(files []*zip.File) map[string]*zip.File {
	all := make(map[string]*zip.File, len(files))
	for _, f := range files {
		all[f.Name] = f
	}
	return all
}

// sameEntry says whether two entries are the same byte for byte, packed as they
// are: comparing costs a small part of unpacking. What cannot be read is not.
func sameEntry(f, old *zip.File, buf []byte) bool {
	if f.CRC32 != old.CRC32 || f.Method != old.Method || f.Flags != old.Flags ||
		f.CompressedSize64 != old.CompressedSize64 || f.UncompressedSize64 != old.UncompressedSize64 {
		return false
	}
	a, err := f.OpenRaw()
	if err != nil {
		return false
	}
	b, err := old.OpenRaw()
	if err != nil {
		return false
	}
	half := len(buf) / 2
	for left := f.CompressedSize64; left > 0; {
		n := int(min(left, uint64(half)))
		if _, err := io.ReadFull(a, buf[:n]); err != nil {
			return false
		}
		if _, err := io.ReadFull(b, buf[half:half+n]); err != nil {
			return false
		}
		if !bytes.Equal(buf[:n], buf[half:half+n]) {
			return false
		}
		left -= uint64(n)
	}
	return true
}

// same says whether a set has a file of these bytes.
func (s Set) same(f File) bool {
	return slices.ContainsFunc(s.Files, func(o File) bool { return o.SHA256 == f.SHA256 })
}
