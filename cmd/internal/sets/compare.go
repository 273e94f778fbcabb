// Package sets says which artefact sets of a service are kept, and how two of
// them differ.
package sets

import (
	"archive/zip"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/watcher"
)

// What is how a file differs between two sets.
type What string

// The ways to differ.
const (
	Added   What = "added"
	Removed What = "removed"
	Changed What = "changed"
)

// Difference is one file that two sets do not have alike.
type Difference struct {
	What What
	Name string
	// Inside are the differences between two JARs, by the entries' names.
	Inside []Difference
}

// mostEntriesOfJAR bounds the memory that a hostile JAR can take.
const mostEntriesOfJAR = 200_000

// Compare gives how the files in the folder of one set differ from those of
// another, sorted by name.
func Compare(from, to string) ([]Difference, error) {
	before, err := sums(from)
	if err != nil {
		return nil, err
	}
	after, err := sums(to)
	if err != nil {
		return nil, err
	}
	all := compare(before, after)
	for i, d := range all {
		if d.What == Changed && watcher.IsArchive(d.Name) {
			if all[i].Inside, err = compareJARs(filepath.Join(from, d.Name), filepath.Join(to, d.Name)); err != nil {
				return nil, fmt.Errorf("%s: %w", d.Name, err)
			}
		}
	}
	return all, nil
}

func compare[V comparable](before, after map[string]V) []Difference {
	var all []Difference
	for name := range before {
		if _, there := after[name]; !there {
			all = append(all, Difference{What: Removed, Name: name})
		}
	}
	for name, sum := range after {
		old, there := before[name]
		switch {
		case !there:
			all = append(all, Difference{What: Added, Name: name})
		case old != sum:
			all = append(all, Difference{What: Changed, Name: name})
		}
	}
	slices.SortFunc(all, func(a, b Difference) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// sums gives what the files of a folder hold, by their names in it.
func sums(dir string) (map[string][sha256.Size]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	all := map[string][sha256.Size]byte{}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		all[name] = [sha256.Size]byte(h.Sum(nil))
		return nil
	})
	return all, err
}

// content is what a JAR's directory says of an entry's bytes.
type content struct {
	crc  uint32
	size uint64
}

// compareJARs goes by sizes and checksums, which the JAR check has verified
// when the sets were taken.
func compareJARs(from, to string) ([]Difference, error) {
	before, err := entries(from)
	if err != nil {
		return nil, err
	}
	after, err := entries(to)
	if err != nil {
		return nil, err
	}
	return compare(before, after), nil
}

func entries(jar string) (map[string]content, error) {
	r, err := zip.OpenReader(jar)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if len(r.File) > mostEntriesOfJAR {
		return nil, fmt.Errorf("it has more than %d entries", mostEntriesOfJAR)
	}
	all := map[string]content{}
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, "/") {
			all[f.Name] = content{f.CRC32, f.UncompressedSize64}
		}
	}
	return all, nil
}
