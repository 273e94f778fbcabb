package jars

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// FuzzOpen holds what is taken apart to what was in the JAR. Nothing makes it write
// outside of its names, or allocate without bound.
func FuzzOpen(f *testing.F) {
	lib := archive(f, "", of("a/A.class")...)
	for _, seed := range [][]byte{
		nil, []byte("text"), archive(f, shadedMain, of("com/example/Main.class", "org/lib/L.class", "META-INF/", "org/")...),
		archive(f, boot, append(of("BOOT-INF/classes/com/example/App.class"), with("BOOT-INF/lib/a.jar", lib))...),
		archive(f, boot, append(of("BOOT-INF/classes/com/example/App.class"), file{name: "BOOT-INF/lib/../../a.jar", content: string(lib)})...),
		archive(f, "Main-Class: com.simontuffs.onejar.Boot\nOne-Jar-Main-Class: a.A\n", with("lib/..", lib), with("main/main.jar", lib)),
		archive(f, "Main-Class: com.example.Main\nClass-Path: lib.jar ../x.jar\n", of("com/example/Main.class", "../../x", "/abs")...),
	} {
		f.Add(seed)
	}
	name := regexp.MustCompile(`^[0-9a-f]{16}/[A-Za-z0-9._+-]{1,100}$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		put(t, dir, "lib.jar", lib)
		from := put(t, dir, "app.jar", data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := Open(t.Context(), from, Known{})
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20+1000*uint64(len(data)) {
			t.Errorf("%d KiB are allocated for a JAR of %d bytes", used>>10, len(data))
		}
		if err != nil {
			if r := new(Refused); errors.As(err, &r) && strings.ContainsFunc(r.Reason, func(c rune) bool { return c < ' ' || c == 0x7f }) {
				t.Errorf("the reason %q repeats the JAR's bytes", r.Reason)
			}
			return
		}
		defer s.Close()
		for _, l := range s.Libraries {
			if !name.MatchString(l.Name) || !filepath.IsLocal(l.Name) {
				t.Errorf("a library is called %q", l.Name)
			}
		}
		parts := map[string]bool{}
		readable := true
		for _, write := range s.writers() {
			var b bytes.Buffer
			if err := write(t.Context(), &b); err != nil {
				readable = false // as the JAR itself is not
				continue
			}
			z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatalf("a part cannot be read: %v", err)
			}
			for _, f := range z.File {
				parts[f.Name] = true
			}
		}
		if s.Kind != "one JAR" || !readable {
			return
		}
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			t.Fatal(err)
		}
		for _, f := range z.File {
			if !parts[f.Name] && !isManifest(f.Name) {
				t.Errorf("%q is in no part", f.Name)
			}
		}
		if again, err := Open(context.Background(), from, s.Known()); err != nil {
			t.Errorf("with what it knows: %v", err)
		} else if again.Close(); again.Libraries[0].Name != s.Libraries[0].Name {
			t.Errorf("the library is %s, then %s", s.Libraries[0].Name, again.Libraries[0].Name)
		}
	})
}

// writers gives what writes each part.
func (s *Split) writers() []func(context.Context, io.Writer) error {
	all := []func(context.Context, io.Writer) error{s.WriteApp}
	for _, l := range s.Libraries {
		all = append(all, func(ctx context.Context, w io.Writer) error { return s.WriteLibrary(ctx, l, w) })
	}
	return all
}
