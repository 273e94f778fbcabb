package main

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mostNames is how many names a program is asked for.
const mostNames = 1200

// namesOf gives names that a program may ask its class path for: what is there more than
// once, what is in META-INF, what the application has beside classes, and one class of
// each package with libraries.
func namesOf(t *testing.T, folder string) []string {
	t.Helper()
	times, packages := map[string]int{}, map[string]string{}
	must(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || ext != ".jar" && ext != ".war" {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			err = countNames(data, times, packages)
		}
		return err
	}))
	names := []string{"no/such/name"}
	for _, name := range slices.Sorted(maps.Keys(times)) {
		if times[name] > 1 || strings.HasPrefix(name, "META-INF/") || !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	names = names[:min(len(names), mostNames)]
	for i, name := range slices.Sorted(maps.Keys(packages)) {
		if i%7 == 0 { // a sample
			names = append(names, packages[name])
		}
	}
	return names
}

// countNames counts what is in a JAR and in the JARs inside, as programs name it.
func countNames(data []byte, times map[string]int, packages map[string]string) error {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	// What is beside the JARs in one-jar is the launcher's.
	launched := slices.ContainsFunc(r.File, func(f *zip.File) bool { return f.Name == "main/main.jar" })
	for _, f := range r.File {
		name := strings.TrimPrefix(strings.TrimPrefix(f.Name, "BOOT-INF/classes/"), "WEB-INF/classes/")
		switch {
		case name == "": // the folder of the application's own classes
		case strings.HasSuffix(name, ".jar"):
			in, err := f.Open()
			if err != nil {
				return err
			}
			inner, err := io.ReadAll(in)
			if err == nil {
				err = countNames(inner, times, packages)
			}
			if err != nil {
				return err
			}
		case launched && name != "META-INF/MANIFEST.MF":
		case strings.HasPrefix(name, "BOOT-INF/"), strings.HasPrefix(name, "WEB-INF/"), strings.HasPrefix(name, "META-INF/versions/"):
		case strings.HasPrefix(name, "org/springframework/boot/loader/"): // the launcher
		case strings.HasSuffix(name, ".class"):
			if folder, _, found := cutLast(name, "/"); found && !strings.Contains(name, "$") && !strings.Contains(name, "-") {
				if old, found := packages[folder]; !found || name < old {
					packages[folder] = name
				}
			}
		default:
			times[name]++
		}
	}
	return nil
}
