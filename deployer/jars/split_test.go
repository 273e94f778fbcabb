package jars

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

const boot = "Main-Class: org.springframework.boot.loader.launch.JarLauncher\nStart-Class: com.example.App\n"

// bootJAR is one of Spring Boot, with more entries.
func bootJAR(t *testing.T, manifest string, more ...file) []byte {
	t.Helper()
	files := append(of("META-INF/", "org/", "org/springframework/", "org/springframework/boot/loader/launch/JarLauncher.class",
		"META-INF/services/java.nio.file.spi.FileSystemProvider=org.springframework.boot.loader.nio.file.NestedFileSystemProvider\n",
		"META-INF/maven/com.example/app/pom.properties", "BOOT-INF/", "BOOT-INF/classes/", "BOOT-INF/classes/com/", "BOOT-INF/classes/com/example/",
		"BOOT-INF/classes/com/example/App.class", "BOOT-INF/classes/application.yml", "BOOT-INF/lib/"),
		with("BOOT-INF/lib/z-1.0.jar", archive(t, "X: y\n", of("z/Z.class", "META-INF/LICENSE=z", "META-INF/services/s=z")...)),
		with("BOOT-INF/lib/a-1.0.jar", archive(t, "X: y\n", of("a/A.class", "META-INF/LICENSE=a", "META-INF/services/s=a")...)))
	files = append(files, of("BOOT-INF/classpath.idx", "BOOT-INF/layers.idx")...)
	return archive(t, manifest, append(files, more...)...)
}

func TestSpringBoot(t *testing.T) {
	for _, launcher := range []string{"org.springframework.boot.loader.JarLauncher", "org.springframework.boot.loader.launch.JarLauncher"} {
		m := "Main-Class: " + launcher + "\nStart-Class: com.example.App\nImplementation-Version: 7\nMulti-Release: true\nClass-Path: a.jar\n"
		data := bootJAR(t, m)
		s := open(t, put(t, t.TempDir(), "app.jar", append([]byte("#!/bin/sh\nexit\n"), data...)), Known{})
		equal(t, "main", s.Main, "com.example.App")
		equal(t, "libraries, as their entries are ordered", places(s), "first.jar BOOT-INF/lib/z-1.0.jar BOOT-INF/lib/a-1.0.jar")
		app := written(t, s.WriteApp)
		equal(t, "the application's part", names(t, app), "BOOT-INF/ BOOT-INF/classpath.idx BOOT-INF/layers.idx META-INF/ META-INF/maven/com.example/app/pom.properties application.yml com/ com/example/ com/example/App.class")
		equal(t, "its manifest", contents(t, app)[manifestName],
			"Manifest-Version: 1.0\nMain-Class: "+launcher+"\nStart-Class: com.example.App\nImplementation-Version: 7\nMulti-Release: true\n\n")
		if got := library(t, s, "BOOT-INF/lib/a-1.0.jar"); !bytes.Contains(data, got) || names(t, got) != "META-INF/LICENSE META-INF/services/s a/A.class" {
			t.Errorf("a library is not what it was: %s", names(t, got))
		}
		if name := libraryOf(t, s, "BOOT-INF/lib/z-1.0.jar").Name; !regexp.MustCompile(`^[0-9a-f]{16}/z-1\.0\.jar$`).MatchString(name) {
			t.Errorf("a library is called %s", name)
		}
	}
}

func TestAWARIsRefusedForItsOwnContent(t *testing.T) {
	m := strings.Replace(boot, "Jar", "War", 1)
	files := append(of("META-INF/", "META-INF/maven/g/a/pom.xml", "org/springframework/boot/loader/launch/WarLauncher.class", "WEB-INF/", "WEB-INF/classes/",
		"WEB-INF/classes/com/example/App.class", "WEB-INF/layers.idx"),
		with("WEB-INF/lib/a.jar", archive(t, "", of("a/A.class")...)), with("WEB-INF/lib-provided/b.jar", archive(t, "", of("b/B.class")...)))
	dir := t.TempDir()
	s := open(t, put(t, dir, "app.war", archive(t, m, files...)), Known{})
	equal(t, "libraries", places(s), "first.jar WEB-INF/lib/a.jar WEB-INF/lib-provided/b.jar")
	equal(t, "the application's part", names(t, written(t, s.WriteApp)), "META-INF/ META-INF/maven/g/a/pom.xml WEB-INF/ WEB-INF/layers.idx com/example/App.class")
	for _, own := range []string{"index.html", "LICENSE.txt", "WEB-INF/web.xml", "WEB-INF/jsp/a.jsp", "META-INF/context.xml"} {
		reason := refused(t, put(t, dir, "app.war", archive(t, m, append(files, of(own)...)...)), Known{})
		equal(t, "reason", reason, `is a WAR with content of its own ("`+own+`"), which its server finds in the WAR alone`)
	}
}

func TestOneJAR(t *testing.T) {
	const m = "Main-Class: com.simontuffs.onejar.Boot\nOne-Jar-Main-Class: com.example.App\n"
	lib := file{name: "lib/a.jar", content: string(archive(t, "", of("a/A.class")...))}
	main := file{name: "main/main.jar", content: string(archive(t, "Implementation-Version: 7\nMulti-Release: true\nClass-Path: x.jar\nMain-Class: com.example.Other\n", of("com/", "com/example/App.class")...))}
	own := of("com/simontuffs/onejar/Boot.class", ".version", "doc/", "doc/one-jar-license.txt", "lib/", "main/", "banner.txt")
	dir := t.TempDir()
	put := func(m string, files ...file) Source {
		return put(t, dir, "app.jar", archive(t, m, append(own, files...)...))
	}

	s := open(t, put(m, lib, main), Known{})
	equal(t, "main", s.Main, "com.example.App")
	equal(t, "libraries", places(s), "first.jar lib/a.jar")
	app := written(t, s.WriteApp)
	equal(t, "the application's part", names(t, app), "banner.txt com/ com/example/App.class")
	equal(t, "its manifest", contents(t, app)[manifestName], "Manifest-Version: 1.0\nImplementation-Version: 7\nMain-Class: com.example.Other\n\n")
	equal(t, "the first manifest", contents(t, library(t, s, "first.jar"))[manifestName], "Manifest-Version: 1.0\n"+m+"\n")
	equal(t, "a library that was deflated", names(t, library(t, s, "lib/a.jar")), "a/A.class")
	equal(t, "main, where the launcher's manifest names none", open(t, put("Main-Class: com.simontuffs.onejar.Boot\n", lib, main), Known{}).Main, "com.example.Other")

	releases := file{name: "lib/r.jar", content: string(archive(t, "Multi-Release: true\n", of("META-INF/versions/9/r/R.class", "r/R.class")...))}
	says(t, refused(t, put(m, append(of("binlib/x.so"), lib, main)...), Known{}), "has what its launcher alone can handle")
	says(t, refused(t, put(m, append(of("one-jar.properties"), lib, main)...), Known{}), "has what its launcher alone can handle")
	says(t, refused(t, put(m+"One-Jar-Expand: web\n", lib, main), Known{}), `has settings of its launcher in its manifest ("One-Jar-Expand")`)
	says(t, refused(t, put(m, lib), Known{}), "has 0 JARs below main/")

	s = open(t, put(m, lib, main, releases), Known{})
	released := library(t, s, "lib/r.jar")
	equal(t, "a library with classes for some releases", names(t, released), "META-INF/versions/9/r/R.class r/R.class")
	equal(t, "its manifest", contents(t, released)[manifestName], "Manifest-Version: 1.0\n\n")
	again := open(t, put(m, lib, main, releases), s.Known())
	equal(t, "its name, then", libraryOf(t, again, "lib/r.jar").Name, libraryOf(t, s, "lib/r.jar").Name)
	signed := file{name: "lib/s.jar", content: string(archive(t, "Multi-Release: true\n", of("META-INF/versions/9/r/R.class", "META-INF/ME.SF")...))}
	says(t, refused(t, put(m, lib, main, signed), Known{}), `has a library, "lib/s.jar", that is signed and has classes for some releases of Java alone`)
}

// says is for a reason of which a test knows a part.
func says(t *testing.T, reason, part string) {
	t.Helper()
	if !strings.Contains(reason, part) {
		t.Errorf("the reason is %q, without %q", reason, part)
	}
}

func TestAShadedJARIsDividedByPackages(t *testing.T) {
	m := "Main-Class: com.example.app.Main\nMulti-Release: true\nImplementation-Version: 7\nBuilt-By: me\nAdd-Opens: java.base/java.lang java.base/java.util\nEnable-Native-Access: ALL-UNNAMED\n"
	files := of("META-INF/", "META-INF/services/s", "META-INF/versions/9/org/lib/L.class", "META-INF/versions/9/org/lib/l.properties", "META-INF/versions/9/com/example/x/X.class", "META-INF/versions/9/module-info.class",
		"com/", "com/example/", "com/example/app/", "com/example/app/Main.class", "com/example/x/X.class", "com/example/x/x.properties", "com/exampleish/L.class",
		"org/", "org/lib/", "org/lib/L.class", "org/lib/l.properties", "application.yml", "static/", "static/index.html", "empty/", "Root.class", "META-INF/native/", "META-INF/native/l.so")
	s := open(t, put(t, t.TempDir(), "app.jar", archive(t, m, files...)), Known{})
	equal(t, "options", strings.Join(s.Options, " "), "--add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED --enable-native-access=ALL-UNNAMED")
	equal(t, "the application's part", names(t, written(t, s.WriteApp)),
		"META-INF/ META-INF/services/s META-INF/versions/9/com/example/x/X.class META-INF/versions/9/module-info.class Root.class application.yml com/ com/example/ com/example/app/ com/example/app/Main.class com/example/x/X.class com/example/x/x.properties empty/ static/ static/index.html")
	lib := library(t, s, "libraries.jar")
	equal(t, "the library", names(t, lib), "META-INF/ META-INF/native/ META-INF/native/l.so META-INF/versions/9/org/lib/L.class META-INF/versions/9/org/lib/l.properties com/ com/exampleish/L.class org/ org/lib/ org/lib/L.class org/lib/l.properties")
	equal(t, "its manifest", contents(t, lib)[manifestName], contents(t, written(t, s.WriteApp))[manifestName])
}
