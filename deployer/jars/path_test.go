package jars

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLibrariesBesideTheJAR(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "app/lib/b c.jar", archive(t, "Class-Path: d.jar gone.jar ../../app.jar b%20c.jar\n", of("b/B.class", "META-INF/services/s=b")...))
	put(t, dir, "app/lib/a.jar", archive(t, "", of("a/A.class")...))
	put(t, dir, "app/lib/d.jar", archive(t, "Class-Path: e.jar\n", of("d/D.class")...))
	put(t, dir, "app/lib/e.jar", archive(t, "", of("e/E.class")...))
	from := put(t, dir, "app/app.jar", archive(t, "Main-Class: com.example.Main\nClass-Path: ./lib/b%20c.jar app.jar\n  lib/a.jar\nImplementation-Version: 7\n", of("com/example/Main.class", "META-INF/services/s=app")...))

	s := open(t, from, Known{})
	equal(t, "libraries, each with what it names behind it", places(s), "first.jar app/lib/b c.jar app/lib/d.jar app/lib/e.jar app/lib/a.jar")
	equal(t, "before them", contents(t, library(t, s, "first.jar"))["META-INF/services/s"], "app")
	equal(t, "a name", s.Libraries[1].Name[keyLength:], "/b_c.jar")
	app := contents(t, written(t, s.WriteApp))
	equal(t, "its manifest", app[manifestName], "Manifest-Version: 1.0\nMain-Class: com.example.Main\nImplementation-Version: 7\n\n")
	equal(t, "a library", names(t, library(t, s, "app/lib/b c.jar")), "META-INF/services/s b/B.class")

	t.Run("whose checksums are known", func(t *testing.T) {
		from.Sum = func(name string) string {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Error(err)
			}
			sum := sha256.Sum256(data)
			return hex.EncodeToString(sum[:])
		}
		with := open(t, from, Known{})
		equal(t, "libraries", fmt.Sprint(with.Libraries), fmt.Sprint(s.Libraries))
		put(t, dir, "app/lib/a.jar", archive(t, "", of("a/A.class=2")...))
		equal(t, "after an edit of one", places(open(t, from, with.Known())), "first.jar app/lib/b c.jar app/lib/d.jar app/lib/e.jar | app/lib/a.jar")
	})
}

func TestAJARWithItsLibrariesBesideItIsWhole(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "lib/a.jar", archive(t, "", of("a/A.class")...))
	own := of("com/example/Main.class", "net/other/O.class", "META-INF/beans.xml")
	const m = "Main-Class: com.example.Main\nClass-Path: lib/a.jar\n"
	s := open(t, put(t, dir, "app.jar", archive(t, m, own...)), Known{})
	equal(t, "libraries", places(s), "first.jar lib/a.jar")
	equal(t, "the application's part", names(t, written(t, s.WriteApp)), "META-INF/beans.xml com/example/Main.class net/other/O.class")

	var many []file
	for i := range fewClasses {
		many = append(many, of(fmt.Sprintf("org/lib/L%d.class", i))...)
	}
	s = open(t, put(t, dir, "app.jar", archive(t, m, append(many, own[:2]...)...)), Known{})
	equal(t, "libraries of one that has some in it, too", places(s), "libraries.jar lib/a.jar")
}

func TestWhatIsNotBesideTheJARIsRefused(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "secret.jar", archive(t, "", of("a/A.class")...))
	put(t, dir, "set/lib/a.jar", archive(t, "", of("a/A.class")...))
	if err := os.Symlink("../secret.jar", filepath.Join(dir, "set/link.jar")); err != nil {
		t.Fatal(err)
	}
	for path, reason := range map[string]string{
		"lib/gone.jar":        `names "lib/gone.jar" in its Class-Path, which is not among the artefacts`,
		"lib/":                `names "lib/" in its Class-Path, which is a folder, whose files may change`,
		"lib":                 `names "lib" in its Class-Path, which is no file`,
		"../secret.jar":       `names "../secret.jar" in its Class-Path, which is outside of the artefacts`,
		"/usr/share/a.jar":    `names "/usr/share/a.jar" in its Class-Path, which is not relative to it`,
		"file:lib/a.jar":      `names "file:lib/a.jar" in its Class-Path, which is not relative to it`,
		"link.jar":            `names "link.jar" in its Class-Path, which is not among the artefacts`,
		"lib/%zz.jar":         `names "lib/%zz.jar" in its Class-Path, which is no URL`,
		"lib/a.jar lib/b.jar": `names "lib/b.jar" in its Class-Path, which is not among the artefacts`,
	} {
		put(t, dir, "set/app.jar", archive(t, "Main-Class: com.example.Main\nClass-Path: "+path+"\n", of("com/example/Main.class")...))
		equal(t, path, refused(t, Source{Dir: filepath.Join(dir, "set"), Name: "app.jar"}, Known{}), reason)
	}
}

func TestALibraryThatChangesMeanwhileIsNotWrittenAsWhatItWas(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.jar", archive(t, "", of("a/A.class")...))
	s := open(t, put(t, dir, "app.jar", archive(t, "Main-Class: com.example.Main\nClass-Path: a.jar\n", of("com/example/Main.class")...)), Known{})
	put(t, dir, "a.jar", archive(t, "", of("a/A.class=other")...))
	if err := s.WriteLibrary(t.Context(), libraryOf(t, s, "a.jar"), io.Discard); err == nil || err.Error() != `library "a.jar" has changed since it was read` {
		t.Errorf("the error is: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WriteApp(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context's end it is: %v", err)
	}
}

func TestNamesOfFilesAreSafe(t *testing.T) {
	for place, want := range map[string]string{
		"lib/a-1.0+b.jar": "a-1.0+b.jar", "lib/*": "_", "a:b;c d\n\"$é.jar": "a_b_c_d____.jar", "-x.jar": "-x.jar",
		"": "_", "/": "_", "lib/": "lib", ".": "_", "lib/..": "_", "a\\..": "a_..",
		strings.Repeat("long-", 100) + "name.jar": "g-" + strings.Repeat("long-", 18) + "name.jar",
	} {
		equal(t, place, fileName(place), want)
	}
}
