package jars

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestRootOf(t *testing.T) {
	for pack, want := range map[string]string{
		"com/example/app":                           "com/example",
		"com/example":                               "com/example",
		"META-INF/native":                           "META-INF/native",
		"com":                                       "com",
		"app/web":                                   "app/web",
		"petclinic/web":                             "petclinic",
		"info/example/app":                          "info/example",
		"uk/co/example/app/web":                     "uk/co/example",
		"io/github/somebody/app/web":                "io/github/somebody",
		"org/springframework/samples/petclinic":     "org/springframework/samples/petclinic",
		"io/dropwizard/example":                     "io/dropwizard/example",
		"io/dropwizardish/example":                  "io/dropwizardish",
		"com/fasterxml/jackson/databind/deser/impl": "com/fasterxml/jackson/databind/deser/impl",
	} {
		equal(t, pack, rootOf(pack), want)
	}
}

// builds opens a JAR in one state after another, each with what the one before knew,
// as it comes back from JSON, and gives the last two.
func builds(t *testing.T, manifest string, states ...[]file) (before, last *Split) {
	t.Helper()
	dir, known := t.TempDir(), Known{}
	for _, files := range states {
		from := put(t, dir, "app.jar", archive(t, manifest, files...))
		before, last = last, open(t, from, known)
		text, err := json.Marshal(last.Known())
		if err != nil {
			t.Fatal(err)
		}
		known = Known{}
		if err := json.Unmarshal(text, &known); err != nil {
			t.Fatal(err)
		}
	}
	return before, last
}

const shadedMain = "Main-Class: com.example.Main\n"

func TestWhatABuildChangesIsTheApplicationsForGood(t *testing.T) {
	one := of("com/example/Main.class", "net/other/a/A.class", "net/other/b/B.class", "org/lib/L.class", "org/apache/own/O.class", "org/apache/x/X.class")
	edited := of("com/example/Main.class=2", "net/other/a/A.class=2", "net/other/b/B.class", "org/lib/L.class", "org/apache/own/O.class=2", "org/apache/x/X.class")
	again := of("com/example/Main.class=3", "net/other/a/A.class=3", "net/other/b/B.class=3", "org/lib/L.class", "org/apache/own/O.class=2", "org/apache/x/X.class")

	first, second := builds(t, shadedMain, one, edited)
	equal(t, "at first", names(t, library(t, first, "libraries.jar")), "net/other/a/A.class net/other/b/B.class org/apache/own/O.class org/apache/x/X.class org/lib/L.class")
	equal(t, "then", names(t, library(t, second, "libraries.jar")), "org/apache/x/X.class org/lib/L.class")
	equal(t, "the rule", fmt.Sprint(second.Rule), "{[com/example] [net/other org/apache/own] [] 0 0}")
	second, third := builds(t, shadedMain, one, edited, again)
	equal(t, "the library after another edit", third.Libraries[0].Name, second.Libraries[0].Name)
	_, back := builds(t, shadedMain, one, edited, one)
	equal(t, "the library after the edit is taken back", back.Libraries[0].Name, second.Libraries[0].Name)
}

func TestAnEditOfTheApplicationLeavesTheLibrary(t *testing.T) {
	one := of("com/example/Main.class", "org/lib/L.class", "org/lib/M.class", "application.yml", "META-INF/maven/com.example/app/pom.properties")
	edited := of("org/lib/M.class", "com/example/Main.class=2", "com/example/New.class", "org/lib/L.class", "application.yml=2", "META-INF/maven/com.example/app/pom.properties=2")
	first, second := builds(t, shadedMain, one, edited)
	equal(t, "name", second.Libraries[0].Name, first.Libraries[0].Name)
	equal(t, "the rule", fmt.Sprint(second.Rule), "{[com/example] [] [] 0 0}")
}

func TestWhatIsInALibraryAloneDecidesItsNameAndSize(t *testing.T) {
	build := func(order ...string) *Split {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i, name := range append(order, manifestName) {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Now().AddDate(0, 0, i), Comment: strings.Repeat("c", i)})
			if err != nil {
				t.Fatal(err)
			}
			content := name
			if name == manifestName {
				content = "Manifest-Version: 1.0\n" + shadedMain
			}
			if _, err := io.WriteString(w, content); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return open(t, put(t, t.TempDir(), "app.jar", b.Bytes()), Known{})
	}
	one, other := build("com/example/Main.class", "org/lib/L.class", "org/lib/M.class"), build("org/lib/M.class", "com/example/Main.class", "org/lib/L.class")
	equal(t, "name", other.Libraries[0].Name, one.Libraries[0].Name)
	equal(t, "size", len(library(t, other, "libraries.jar")), len(library(t, one, "libraries.jar")))
}

func TestTheVersionOfALibraryIsNoEditOfTheProject(t *testing.T) {
	one := of("com/example/Main.class", "net/lib/L.class=1.0", "META-INF/maven/net.lib/lib/pom.properties=1.0", "META-INF/maven/com.example/app/pom.properties")
	newer := of("com/example/Main.class", "net/lib/L.class=1.1", "META-INF/maven/net.lib/lib/pom.properties=1.1", "META-INF/maven/com.example/app/pom.properties=new")
	first, second := builds(t, shadedMain, one, newer)
	equal(t, "the rule", fmt.Sprint(second.Rule), "{[com/example] [] [] 0 0}")
	if first.Libraries[0].Name == second.Libraries[0].Name {
		t.Error("the library is called the same with other content")
	}

	// Where libraries record nothing, their number tells.
	many := func(version string) (all []file) {
		for i := range manyPackages + 1 {
			all = append(all, of(fmt.Sprintf("net/lib/p%d/L.class=%s", i, version))...)
		}
		return append(all, of("com/example/Main.class")...)
	}
	_, second = builds(t, shadedMain, many("1.0"), many("1.1"))
	equal(t, "the rule", fmt.Sprint(second.Rule), "{[com/example] [] [] 0 0}")
}

func TestALibraryOfALibrarysClassesIsNoChange(t *testing.T) {
	one := of("com/example/Main.class", "net/lib/L.class")
	more := of("com/example/Main.class", "net/lib/L.class", "net/lib/New.class", "org/new/N.class")
	_, second := builds(t, shadedMain, one, more)
	equal(t, "the rule", fmt.Sprint(second.Rule), "{[com/example] [] [] 0 0}")
	equal(t, "the library", names(t, library(t, second, "libraries.jar")), "net/lib/L.class net/lib/New.class org/new/N.class")
}

func TestAManifestThatEachBuildChangesLeavesTheLibraries(t *testing.T) {
	for name, c := range map[string]struct {
		edit, last string
		from       int // the build from which on it is so
	}{
		"a version": {"Implementation-Version: %d\nBuild-Time: 1\n", "", 2},
		"a time":    {"Implementation-Version: 1\nBuild-Time: %d\n", shadedMain + "Implementation-Version: 1\n", 1},
		"nothing":   {"Implementation-Version: 1\nBuild-Time: 1\n", shadedMain + "Implementation-Version: 1\nBuild-Time: 1\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir, known := t.TempDir(), Known{}
			var libraries []string
			for i := range 4 {
				m := shadedMain + strings.ReplaceAll(c.edit, "%d", fmt.Sprint(i))
				s := open(t, put(t, dir, "app.jar", archive(t, m, of("com/example/Main.class", "org/lib/L.class")...)), known)
				known = s.Known()
				equal(t, "the application's", contents(t, written(t, s.WriteApp))[manifestName], "Manifest-Version: 1.0\n"+m+"\n")
				libraries = append(libraries, s.Libraries[0].Name)
				got, want := contents(t, library(t, s, "libraries.jar"))[manifestName], m
				if i >= c.from {
					want = c.last
				}
				equal(t, fmt.Sprintf("the libraries' after %d builds", i), got, "Manifest-Version: 1.0\n"+want+"\n")
			}
			for i := c.from; i < len(libraries); i++ {
				equal(t, "the library from then on", libraries[i], libraries[c.from])
			}
		})
	}
}

func TestTheApplicationsManifestComesFirst(t *testing.T) {
	dir, known := t.TempDir(), Known{}
	first := ""
	for i := range 4 {
		m := fmt.Sprintf("%sBuild-Time: %d\nBuilt-By: me\nClass-Path: x.jar\n", boot, i)
		s := open(t, put(t, dir, "app.jar", archive(t, m, append(of("BOOT-INF/classes/com/example/App.class"), with("BOOT-INF/lib/a.jar", archive(t, "", of("a/A.class")...)))...)), known)
		known = s.Known()
		equal(t, "libraries", places(s), "first.jar BOOT-INF/lib/a.jar")
		want := strings.Replace(m, "Class-Path: x.jar\n", "", 1)
		if i > 0 { // what each build changes is in the application's part alone
			want = strings.Replace(want, fmt.Sprintf("Build-Time: %d\n", i), "", 1)
		}
		equal(t, "the first manifest", contents(t, library(t, s, "first.jar"))[manifestName], "Manifest-Version: 1.0\n"+want+"\n")
		if i > 1 {
			equal(t, "its name", s.Libraries[0].Name, first)
		}
		first = s.Libraries[0].Name
	}
}

func TestTheProjectsOwnLibrariesComeLast(t *testing.T) {
	lib := func(name, content string, more ...string) file {
		return with("BOOT-INF/lib/"+name, archive(t, "", of(append(more, name+".class="+content)...)...))
	}
	state := func(api file) []file {
		return append(of("BOOT-INF/classes/com/example/App.class"), lib("a.jar", "1"), api, lib("z.jar", "1"))
	}
	first, second := builds(t, boot, state(lib("api.jar", "1")), state(lib("api.jar", "2")))
	equal(t, "at first", places(first), "first.jar BOOT-INF/lib/a.jar BOOT-INF/lib/api.jar BOOT-INF/lib/z.jar")
	equal(t, "then", places(second), "first.jar BOOT-INF/lib/a.jar BOOT-INF/lib/z.jar | BOOT-INF/lib/api.jar")
	equal(t, "the project's own", contents(t, library(t, second, "BOOT-INF/lib/api.jar"))["api.jar.class"], "2")
	second, third := builds(t, boot, state(lib("api.jar", "1")), state(lib("api.jar", "2")), state(lib("api.jar", "3")))
	equal(t, "the stable ones", fmt.Sprint(third.Libraries[:third.Stable]), fmt.Sprint(second.Libraries[:second.Stable]))

	// Another version has another name, and is no edit.
	_, second = builds(t, boot, state(lib("b-1.0.jar", "1")), state(lib("b-1.1.jar", "2")))
	equal(t, "another version", places(second), "first.jar BOOT-INF/lib/a.jar BOOT-INF/lib/b-1.1.jar BOOT-INF/lib/z.jar")
}

func TestALibraryThatCannotComeLastIsRefused(t *testing.T) {
	state := func(version, name, inZ string) Source {
		return put(t, t.TempDir(), "app.jar", archive(t, boot, append(of("BOOT-INF/classes/com/example/App.class"),
			with("BOOT-INF/lib/api.jar", archive(t, "", of("api.txt="+version, name+"=api")...)),
			with("BOOT-INF/lib/z.jar", archive(t, "", of(name+"="+inZ)...)))...))
	}
	for _, name := range []string{"log.xml", "META-INF/services/s"} {
		reason := refused(t, state("2", name, "z"), open(t, state("1", name, "z"), Known{}).Known())
		equal(t, "reason", reason, fmt.Sprintf(`has %q in "BOOT-INF/lib/api.jar" and, with other content, in "BOOT-INF/lib/z.jar"; the first of them, which the builds change, has to come first`, name))
		open(t, state("2", name, "api"), open(t, state("1", name, "api"), Known{}).Known())
	}
	open(t, state("2", "META-INF/spring.factories", "z"), open(t, state("1", "META-INF/spring.factories", "z"), Known{}).Known())
}

func TestWhatIsKnownIsNotReadAgain(t *testing.T) {
	dir := t.TempDir()
	build := func(version string) Source {
		return put(t, dir, "app.jar", archive(t, boot, append(of("BOOT-INF/classes/com/example/App.class="+version), with("BOOT-INF/lib/a.jar", archive(t, "", of("a/A.class")...)), with("BOOT-INF/lib/b.jar", archive(t, "", of("b/B.class")...)))...))
	}
	known := open(t, build("1"), Known{}).Known()
	const name = "BOOT-INF/lib/a.jar"
	lib := &known.Libraries[1]
	lib.Name = "0123456789abcdef/a.jar" // which no reading would give
	equal(t, "name", libraryOf(t, open(t, build("2"), known), name).Name, "0123456789abcdef/a.jar")
	lib.Sum = strings.Replace(lib.Sum, " ", " f", 1)
	if name := libraryOf(t, open(t, build("2"), known), name).Name; name == "0123456789abcdef/a.jar" {
		t.Error("what is another library is taken for the one that is known")
	}
}
