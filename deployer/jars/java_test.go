package jars

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAProgramSeesTheSame runs a program by java -jar and taken apart, and compares
// what it can find out about its class path.
func TestAProgramSeesTheSame(t *testing.T) {
	if _, err := exec.LookPath("javac"); err != nil {
		t.Skipf("%v: make test installs one", err)
	}
	app, lib := compiled(t, "app", ""), compiled(t, "lib", "")
	for _, f := range compiled(t, "lib9", "META-INF/versions/9/") {
		if f.name == "META-INF/versions/9/org/lib/Lib.class" {
			lib = append(lib, f)
		}
	}
	app = append(app, of("app.txt", "com/example/app/own.txt", "static/", "static/index.html", "META-INF/maven/g/a/pom.properties",
		"META-INF/things/", "META-INF/things/one", "com/", "com/example/", "com/example/app/")...)
	lib = append(lib, of("org/", "org/lib/", "org/lib/lib.txt")...)
	const service = "META-INF/services/org.lib.Lib$Service="
	const m = "Main-Class: com.example.app.Main\nImplementation-Title: Example\nImplementation-Version: 1.2\nSpecification-Version: 1\nBuilt-For: a test\nAdd-Opens: java.base/java.lang\n"

	for name, make := range map[string]func(dir string) Source{
		"all in one JAR": func(dir string) Source {
			all := slices.Concat(app, lib, of(service+"com.example.app.Main\norg.lib.Lib$Own\n"))
			return put(t, dir, "app.jar", archive(t, m+"Multi-Release: true\n", all...))
		},
		"libraries beside it": func(dir string) Source {
			ofLib := append(of(service+"org.lib.Lib$Own\n"), lib...)
			put(t, dir, "libs/more lib+.jar", archive(t, "Multi-Release: true\nImplementation-Version: 9\nClass-Path: helper.jar none.jar\n", without(ofLib, "org/lib/Helper.class")...))
			put(t, dir, "libs/helper.jar", archive(t, "X: y\n", of("org/", "org/lib/", "org/lib/Helper.class="+content(lib, "org/lib/Helper.class"))...))
			return put(t, dir, "app.jar", archive(t, m+"Class-Path: libs/more%20lib+.jar\n", append(of(service+"com.example.app.Main\n"), app...)...))
		},
	} {
		t.Run(name, func(t *testing.T) {
			from := make(t.TempDir())
			plain := java(t, from.Dir, "-jar", from.Name, "a", "b c")
			for _, want := range []string{"\nopen\n", "\nrelease for 9 and later\n", "\nservice of the library\n", "\nhelper helps\n", "\nmanifest a test\n", "one]"} {
				if !strings.Contains(plain, want) {
					t.Errorf("by java -jar the program does not print %q:\n%s", want, plain)
				}
			}
			argv, dir := assemble(t, open(t, from, Known{}), from.Name)
			equal(t, "taken apart", java(t, dir, append(argv, "a", "b c")...), plain)
		})
	}
}

// assemble writes all parts into a folder, and gives the words for java to run them.
func assemble(t *testing.T, s *Split, name string) (argv []string, dir string) {
	t.Helper()
	dir = t.TempDir()
	var path []string
	for _, l := range s.Libraries {
		put(t, dir, "shared/"+l.Name, library(t, s, shown(l)))
		path = append(path, "shared/"+l.Name)
	}
	put(t, dir, name, written(t, s.WriteApp))
	return append(slices.Clone(s.Options), "-cp", strings.Join(append(path, name), ":"), s.Main), dir
}

func java(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "java", append([]string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"}, argv...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("java %s: %v: %s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// compiled gives the classes of a folder below testdata as entries below a prefix.
func compiled(t *testing.T, folder, prefix string) []file {
	t.Helper()
	out := t.TempDir()
	sources, err := filepath.Glob(filepath.Join("testdata", folder, "*", "*", "*.java"))
	deeper, _ := filepath.Glob(filepath.Join("testdata", folder, "*", "*", "*", "*.java"))
	if sources = append(sources, deeper...); err != nil || len(sources) == 0 {
		t.Fatalf("no sources of %s: %v", folder, err)
	}
	argv := append([]string{"-d", out, "-sourcepath", "testdata/lib" + string(filepath.ListSeparator) + "testdata/app", "-implicit:none"}, sources...)
	if said, err := exec.CommandContext(t.Context(), "javac", argv...).CombinedOutput(); err != nil {
		t.Fatalf("javac: %v: %s", err, said)
	}
	var all []file
	err = fs.WalkDir(os.DirFS(out), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(out, path))
		all = append(all, file{name: prefix + path, content: string(data)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func content(files []file, name string) string {
	return files[slices.IndexFunc(files, func(f file) bool { return f.name == name })].content
}

func without(files []file, name string) []file {
	return slices.DeleteFunc(slices.Clone(files), func(f file) bool { return f.name == name })
}
