package jars

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/jarloop/jarloop/watcher"
)

// Library is one JAR of the class path that stays when the application changes. It is
// a value, to be kept from one Open to the next.
type Library struct {
	// Name is a relative file name that is unique by content, as 3f2a…/spring-core.jar.
	// It needs no quoting anywhere.
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes at its place, 0 if it has none
	// Place is where it is: an entry of the JAR, or a file beside it; "" for what was
	// put together of entries.
	Place string `json:"place,omitempty"`
	// Sum tells it from another one at its place, without it being read.
	Sum string `json:"sum"`

	Names     []byte   `json:"names,omitempty"`      // an index
	ClassPath []string `json:"class_path,omitempty"` // what its manifest adds to the class path
	Releases  bool     `json:"releases,omitempty"`   // it has classes for some releases of Java alone
	Signed    bool     `json:"signed,omitempty"`
	// Versions is what the records of the libraries in a shaded JAR add up to.
	Versions string `json:"versions,omitempty"`
}

const (
	maxLibraries = 1000
	maxName      = 100 // bytes of the name of a library's file
	keyLength    = 16  // hexadecimal digits
)

// readLibrary reads a library whole, for the key, and its table of contents.
func (l *layout) readLibrary(ctx context.Context, p place) (Library, error) {
	lib, err := readLibrary(ctx, p)
	if err == nil && lib.Releases && l.oldJava {
		if lib.Signed {
			return lib, refuse("has a library, %s, that is signed and has classes for some releases of Java alone, which %s does not look at", short(lib.Place), l.kind)
		}
		lib.Name = withoutReleases(lib.Name)
	}
	return lib, err
}

// withoutReleases gives the name of a library of which Java is to take no notice that
// it has classes for some releases: its manifest is another one.
func withoutReleases(name string) string {
	sum := sha256.Sum256([]byte("without releases: " + name))
	return hex.EncodeToString(sum[:])[:keyLength] + name[keyLength:]
}

func readLibrary(ctx context.Context, p place) (Library, error) {
	l := Library{Size: p.size(), Place: p.where(), Sum: p.sum()}
	key, err := keyOf(ctx, p)
	if err != nil {
		return l, fmt.Errorf("library %s: %w", short(l.Place), err)
	}
	if l.Sum == "" {
		l.Sum = key
	}
	l.Name = key[:keyLength] + "/" + fileName(l.Place)
	r, closer, err := p.at()
	if err != nil {
		return l, fmt.Errorf("library %s: %w", short(l.Place), err)
	}
	defer closer.Close()
	z, err := watcher.OpenJAR(r, l.Size)
	if err != nil {
		return l, refuse("has a library, %s, that %s", short(l.Place), err)
	}
	m, err := readManifest(z.File)
	if err != nil {
		return l, fmt.Errorf("library %s: %w", short(l.Place), err)
	}
	l.describe(z.File, m)
	return l, nil
}

// describe notes what matters of a library's content.
func (l *Library) describe(files []*zip.File, m manifest) {
	entries := make([]entry, 0, len(files))
	for _, f := range files {
		entries = append(entries, entry{f.Name, f})
		l.Releases = l.Releases || isRelease(f.Name)
		l.Signed = l.Signed || isSignature(f.Name)
	}
	l.Releases = l.Releases && strings.EqualFold(m.value("Multi-Release"), "true")
	l.ClassPath = strings.Fields(m.value("Class-Path"))
	l.Names = indexOf(entries, hashes(entries))
}

// isRelease says whether an entry is a class for a release of Java and later ones.
func isRelease(name string) bool {
	return strings.HasPrefix(name, versions) && strings.HasSuffix(name, ".class") && path.Base(name) != "module-info.class"
}

// keyOf reads a library to its end, and gives the checksum of its bytes.
func keyOf(ctx context.Context, p place) (string, error) {
	r, err := p.open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := copyAll(ctx, h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fileName makes of the path of a library a file name that can stand anywhere: in a
// class path, whose names a colon divides and whose * is every JAR of a folder, and in
// a file of arguments of java. Its end stays, for libraries that look at it.
func fileName(place string) string {
	base := path.Base("/" + place)
	safe := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._+-", c) {
			return c
		}
		return '_'
	}, base)
	if strings.Trim(safe, ".") == "" {
		return "_"
	}
	return safe[max(0, len(safe)-maxName):]
}
