package watcher

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
)

// JAR is what an archive says of itself.
type JAR struct {
	MainClass string // "" if it cannot be run by java -jar
	// ClassVersion is the version of the main class's format, 61 for Java 17
	// (JVMS table 4.1-A); 0 if that class is not there.
	ClassVersion int
}

// OpenJAR reads an archive's table of contents, within the limits that the check
// of an artefact keeps. An error's words follow the file's name.
func OpenJAR(r io.ReaderAt, size int64) (*zip.Reader, error) {
	if size == 0 {
		return nil, errors.New("is empty; build it again")
	}
	return openJAR(r, size)
}

// Manifest gives what finds the attributes of the manifest's main section.
func Manifest(files []*zip.File) (attribute func(name string) string, err error) {
	text, err := manifest(files)
	return func(name string) string { return manifestValue(text, name) }, err
}

// ReadJAR reads an archive's table of contents and manifest, within the limits
// that the check of an artefact keeps. It does not read the rest, which may be
// damaged. An error's words follow the file's name.
func ReadJAR(r io.ReaderAt, size int64) (JAR, error) {
	if size == 0 {
		return JAR{}, errors.New("is empty; build it again")
	}
	z, err := openJAR(r, size)
	if err != nil {
		return JAR{}, err
	}
	text, err := manifest(z.File)
	if err != nil {
		return JAR{}, err
	}
	j := JAR{MainClass: manifestValue(text, "Main-Class")}
	class := strings.ReplaceAll(j.MainClass, ".", "/") + ".class"
	if start := manifestValue(text, "Start-Class"); start != "" { // Spring Boot's, which its launcher starts
		class = "BOOT-INF/classes/" + strings.ReplaceAll(start, ".", "/") + ".class"
	}
	j.ClassVersion = classVersion(z.File, class)
	return j, nil
}

// classVersion reads the beginning of a class: a magic number, then the minor
// and the major version (JVMS 4.1).
func classVersion(files []*zip.File, class string) int {
	i := slices.IndexFunc(files, func(f *zip.File) bool { return f.Name == class })
	if i < 0 {
		return 0
	}
	r, err := files[i].Open()
	if err != nil {
		return 0
	}
	defer r.Close()
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil || binary.BigEndian.Uint32(head) != 0xCAFEBABE {
		return 0
	}
	return int(binary.BigEndian.Uint16(head[6:]))
}

// manifest gives the text of the manifest, "" if there is none. As in Java its
// name may be in any case (java.util.jar.JarFile).
func manifest(files []*zip.File) (string, error) {
	i := slices.IndexFunc(files, func(f *zip.File) bool { return strings.EqualFold(f.Name, "META-INF/MANIFEST.MF") })
	if i < 0 {
		return "", nil
	}
	r, err := files[i].Open()
	if err != nil {
		return "", badEntry(files[i], err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxManifest))
	if err != nil {
		return "", badEntry(files[i], err)
	}
	return string(text), nil
}
