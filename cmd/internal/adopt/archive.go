package adopt

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/watcher"
)

// isArchive says whether a file's name is that of an archive that may run.
func isArchive(name string) bool {
	base := path.Base(name)
	return slices.Contains([]string{".jar", ".war"}, path.Ext(base)) && !watcher.IsCompanion(base)
}

const (
	mostNested = 64 << 20 // bytes of an archive inside an archive
	mostInside = 20       // files of settings inside an archive
)

func readArchive(root *os.Root, name, inside string) archive {
	a := archive{name: inside}
	f, size, err := open(root, name)
	if err != nil {
		a.err = err
		return a
	}
	defer f.Close()
	z, err := watcher.OpenJAR(f, size)
	if err != nil {
		a.err = err
		return a
	}
	a.err = a.read(name, z.File)
	return a
}

// read looks at the manifest, the names of all entries, and the settings inside.
func (a *archive) read(name string, files []*zip.File) error {
	attribute, err := watcher.Manifest(files)
	if err != nil {
		return err
	}
	a.main, a.boot = attribute("Main-Class"), attribute("Spring-Boot-Version")
	for _, lib := range strings.Fields(attribute("Class-Path")) {
		a.libraries = append(a.libraries, path.Base(lib))
	}
	for _, f := range files {
		if path.Ext(f.Name) == ".jar" {
			a.libraries = append(a.libraries, path.Base(f.Name))
		}
		if isInside(f.Name) && len(a.settings) < mostInside {
			if content, err := readEntry(f, mostBytes); err == nil {
				t := parseText(name+"!/"+f.Name, string(content))
				a.settings = append(a.settings, t)
			}
		}
	}
	a.java = javaOf(files, a.main, attribute("Start-Class"))
	a.holds = holds(files)
	return nil
}

// isInside says whether an entry is a file of settings that a framework reads.
func isInside(entry string) bool {
	dir, file := path.Split(entry)
	switch dir {
	case "", "config/", "BOOT-INF/classes/", "BOOT-INF/classes/config/", "WEB-INF/classes/", "WEB-INF/classes/config/", "META-INF/":
	default:
		return false
	}
	stem := strings.TrimSuffix(file, path.Ext(file))
	return slices.Contains([]string{".properties", ".yml", ".yaml"}, path.Ext(file)) &&
		(stem == "application" || strings.HasPrefix(stem, "application-") || stem == "bootstrap" || stem == "microprofile-config")
}

// javaOf finds which Java an archive's own classes are for: those of the class
// that it starts, wherever its launcher looks for them, or any where it says none.
func javaOf(files []*zip.File, main, start string) int {
	class := func(name string) string { return strings.ReplaceAll(name, ".", "/") + ".class" }
	names := []string{"BOOT-INF/classes/" + class(start), "WEB-INF/classes/" + class(start)}
	if start == "" {
		names = []string{class(main)}
	}
	if i := slices.IndexFunc(files, func(f *zip.File) bool { return f.Name == "main/main.jar" }); i >= 0 {
		names = nil // one-jar's own launcher is older than what it starts
		if content, err := readEntry(files[i], mostNested); err == nil {
			if z, err := watcher.OpenJAR(bytes.NewReader(content), int64(len(content))); err == nil {
				return anyClass(z.File)
			}
		}
	}
	for _, f := range files {
		if slices.Contains(names, f.Name) {
			return classVersion(f)
		}
	}
	return anyClass(files)
}

// newerClasses is where an archive has classes that an older Java leaves aside (JAR
// File Specification, multi-release JAR files).
const newerClasses = "META-INF/versions/"

// anyClass gives the highest version of a few classes.
func anyClass(files []*zip.File) int {
	version, looked := 0, 0
	for _, f := range files {
		if path.Ext(f.Name) == ".class" && !strings.HasPrefix(f.Name, newerClasses) && looked < 10 {
			version, looked = max(version, classVersion(f)), looked+1
		}
	}
	return version
}

func classVersion(f *zip.File) int {
	head, err := readEntry(f, 8)
	if err != nil {
		return 0
	}
	return javaOfClass(head)
}

// javaOfClass reads the beginning of a class: a magic number, then the minor and the
// major version (JVMS 4.1), which is 52 for Java 8.
func javaOfClass(head []byte) int {
	if len(head) < 8 || binary.BigEndian.Uint32(head) != 0xCAFEBABE {
		return 0
	}
	return max(int(binary.BigEndian.Uint16(head[6:]))-44, 0)
}

func readEntry(f *zip.File, most int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, most))
}
