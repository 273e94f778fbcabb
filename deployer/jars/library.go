package jars

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/watcher"
)

// Library is one JAR of the class path that stays when the application changes. It is
// a value, to be kept from one Open to the next.
type Library struct {
	// Name is a relative file name that is unique by content, as 3f2a…/spring-core.jar.
	// It needs no quoting anywhere.
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes of the file; 0 if it is put together of entries
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

// Bounds of what is read of one JAR. What is stored in it is read in place, and what
// is deflated in memory.
const (
	maxLibraries = 1000
	maxInflated  = 128 << 20 // bytes of a library that is deflated
	maxManifest  = 1 << 20   // bytes
	maxName      = 100       // bytes of the name of a library's file
	keyLength    = 16        // hexadecimal digits
)

// place is where a library is.
type place interface {
	// where is a path, for people and to find what is known of it.
	where() string
	// sum tells its content from another one's without reading it, "" if it cannot.
	sum() string
	size() int64
	open() (io.ReadCloser, error)
	// at gives its content to be read in any order.
	at(ctx context.Context) (io.ReaderAt, io.Closer, error)
}

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
	r, closer, err := p.at(ctx)
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

// readManifest reads the manifest, which is empty if there is none.
func readManifest(files []*zip.File) (manifest, error) {
	i := slices.IndexFunc(files, func(f *zip.File) bool { return isManifest(f.Name) })
	if i < 0 {
		return parseManifest(""), nil
	}
	text, err := readEntry(files[i], maxManifest)
	if err != nil {
		return nil, err
	}
	return parseManifest(string(text)), nil
}

// readEntry reads an entry of a size that is bounded.
func readEntry(f *zip.File, most int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(most) {
		return nil, refuse("has an entry, %s, of more than %d KiB", short(f.Name), most>>10)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("entry %s: %w", short(f.Name), err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil, fmt.Errorf("entry %s: %w", short(f.Name), err)
	}
	return content, nil
}

// copyAll copies until the end, or the context's.
func copyAll(ctx context.Context, to io.Writer, from io.Reader) (int64, error) {
	buf, all := make([]byte, 256<<10), int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return all, err
			}
			all += int64(n)
		}
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}
