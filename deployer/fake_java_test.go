package deployer_test

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// boot gives an artefact set of one executable JAR of Spring Boot, with a library of
// that text. It does what script says; started fast it does what fast says, if that is
// given.
func boot(id, library, script, fast string) watcher.Set {
	nested := archive(map[string]string{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\n", "org/lib/Lib.class": library})
	entries := map[string]string{
		"META-INF/MANIFEST.MF":                                     "Manifest-Version: 1.0\r\nMain-Class: org.springframework.boot.loader.launch.JarLauncher\r\nStart-Class: com.example.Main\r\n",
		"BOOT-INF/lib/lib-" + library + ".jar":                     nested,
		"BOOT-INF/classes/script":                                  script,
		"BOOT-INF/classes/com/example/Main.class":                  "main of " + id,
		"org/springframework/boot/loader/launch/JarLauncher.class": "launcher",
	}
	if fast != "" {
		entries["BOOT-INF/classes/script-fast"] = fast
	}
	return set("a", id, archive(entries))
}

func archive(entries map[string]string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		text := entries[name]
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// script gives what java with these arguments does: what the JAR itself says, or an
// entry of it.
func (w *world) script(i *instance, args []string) string {
	for n, arg := range args {
		switch {
		case strings.HasPrefix(arg, "-XX:DumpLoadedClassList="):
			i.files[strings.TrimPrefix(arg, "-XX:DumpLoadedClassList=")] = "org/lib/Lib\nhalf a li"
		case arg == "-jar":
			jar := i.files[args[n+1]]
			if !strings.HasPrefix(jar, "PK") {
				return jar
			}
			return entryOf(jar, "BOOT-INF/classes/script")
		case arg == "-cp":
			path := strings.Split(args[n+1], ":")
			for _, library := range path[:len(path)-1] {
				if _, there := w.shared[strings.TrimPrefix(library, deployer.SharedFolder+"/")]; !there {
					return "print " + library + " is missing\nexit 1"
				}
			}
			jar := i.files[path[len(path)-1]]
			if fast := entryOf(jar, "script-fast"); fast != "" {
				return fast
			}
			return entryOf(jar, "script")
		}
	}
	return "exit 1"
}

func entryOf(jar, name string) string {
	z, err := zip.NewReader(strings.NewReader(jar), int64(len(jar)))
	if err != nil {
		return ""
	}
	f, err := z.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(f) // it is in memory
	return string(text)
}

// fast has services started fast where that can be.
func fast(o *deployer.Options) {
	dir := filepath.Join(folders.dir, "scratch")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		panic(err)
	}
	o.Scratch, o.SharedLimit = dir, 1<<20
	o.Services = []deployer.Service{service("a", 8081)}
}
