package jars

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file is an entry of an archive that a test makes.
type file struct {
	name, content string
	stored        bool
}

// archive makes a JAR of a manifest's lines, without the first one, and entries.
func archive(t testing.TB, manifest string, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if manifest != "" {
		files = slices.Insert(slices.Clone(files), 0, file{name: manifestName, content: "Manifest-Version: 1.0\r\n" + strings.ReplaceAll(manifest, "\n", "\r\n") + "\r\n"})
	}
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		if f.stored {
			h.Method = zip.Store
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// of gives deflated entries of which each holds its own name, or the text after a =.
func of(names ...string) []file {
	var all []file
	for _, n := range names {
		name, content, found := strings.Cut(n, "=")
		if !found && !strings.HasSuffix(n, "/") {
			content = n
		}
		all = append(all, file{name: name, content: content})
	}
	return all
}

// with gives a library as an entry, stored.
func with(name string, content []byte) file { return file{name, string(content), true} }

// put writes a file of the artefact set, and not into one that is there.
func put(t testing.TB, dir, name string, content []byte) Source {
	t.Helper()
	at := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return Source{Dir: dir, Name: name}
}

// open takes a JAR apart that can be.
func open(t testing.TB, from Source, known Known) *Split {
	t.Helper()
	s, err := Open(t.Context(), from, known)
	if err != nil {
		t.Fatalf("%s: %v", from.Name, err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// refused gives the reason why a JAR is not taken apart.
func refused(t testing.TB, from Source, known Known) string {
	t.Helper()
	s, err := Open(t.Context(), from, known)
	if err == nil {
		s.Close()
		t.Fatalf("%s is taken apart", from.Name)
	}
	var r *Refused
	if !errors.As(err, &r) {
		t.Fatalf("%s: not refused, but: %v", from.Name, err)
	}
	return r.Reason
}

// written gives what a function writes.
func written(t testing.TB, write func(context.Context, io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shown is the place of a library, or the name of one that was put together.
func shown(l Library) string { return cmp.Or(l.Place, path.Base(l.Name)) }

// libraryOf finds a library by what it is shown as.
func libraryOf(t testing.TB, s *Split, name string) Library {
	t.Helper()
	i := slices.IndexFunc(s.Libraries, func(l Library) bool { return shown(l) == name })
	if i < 0 {
		t.Fatalf("%s is not among %s", name, places(s))
	}
	return s.Libraries[i]
}

// library gives a library's file.
func library(t testing.TB, s *Split, name string) []byte {
	t.Helper()
	return written(t, func(ctx context.Context, w io.Writer) error { return s.WriteLibrary(ctx, libraryOf(t, s, name), w) })
}

// contents reads all entries of an archive, which gives an error if one is damaged.
func contents(t testing.TB, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if _, twice := all[f.Name]; twice {
			t.Errorf("%s is there twice", f.Name)
		}
		all[f.Name] = string(content)
	}
	return all
}

// names lists the entries of an archive but for its manifest, sorted.
func names(t testing.TB, data []byte) string {
	t.Helper()
	var all []string
	for name := range contents(t, data) {
		if name != manifestName {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// places lists what the libraries are shown as, and a bar before the project's own.
func places(s *Split) string {
	var all []string
	for i, l := range s.Libraries {
		if i == s.Stable {
			all = append(all, "|")
		}
		all = append(all, shown(l))
	}
	return strings.Join(all, " ")
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}
