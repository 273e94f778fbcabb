package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab/apps"
)

// edition is what a build has made of an application: its files, of which one JAR has a
// class that says the version.
type edition struct {
	files   map[string][]byte // by their paths below the service's folder
	jar     string            // the path of that one
	version string
}

// readEdition reads what was built as a version.
func readEdition(folder, version string) (edition, error) {
	e := edition{files: map[string][]byte{}, version: version}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		name := path[len(folder)+1:]
		e.files[name] = data
		if err != nil || filepath.Ext(name) != ".jar" {
			return err
		}
		_, found, err := edited(data, version, version)
		if found > 0 {
			e.jar = name
		}
		return err
	})
	if err == nil && e.jar == "" {
		err = fmt.Errorf("no class in %s says %q", folder, version)
	}
	return e, err
}

// as gives the files as an edit and a build would have made them, so that no two builds
// are the same and none has to be made while something is measured: the constant in the
// compiled class is another.
func (e edition) as(version string) (map[string][]byte, error) {
	data, found, err := edited(e.files[e.jar], e.version, version)
	if err != nil {
		return nil, err
	}
	if found != 1 {
		return nil, fmt.Errorf("%d classes in %s say %q, not one", found, e.jar, e.version)
	}
	files := map[string][]byte{}
	for name, old := range e.files {
		files[name] = old
	}
	files[e.jar] = data
	return files, nil
}

// edited gives a JAR in which the classes of the application have another constant, and
// says in how many that was so. Everything else stays, in its order.
func edited(jar []byte, from, to string) (data []byte, found int, err error) {
	r, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return nil, 0, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		n, err := copyEdited(w, f, from, to)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", f.Name, err)
		}
		found += n
	}
	err = w.Close() // which writes the directory
	return out.Bytes(), found, err
}

// copyEdited copies one entry, and says in how many classes of it the constant was.
func copyEdited(w *zip.Writer, f *zip.File, from, to string) (found int, err error) {
	if f.FileInfo().IsDir() {
		_, err := w.Create(f.Name)
		return 0, err
	}
	class := strings.HasSuffix(f.Name, ".class") && strings.Contains("/"+f.Name, "/apps/")
	nested := f.Name == "main/main.jar" // of one-jar
	if !class && !nested {
		return 0, w.Copy(f)
	}
	in, err := f.Open()
	if err != nil {
		return 0, err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return 0, err
	}
	if nested {
		data, found, err = edited(data, from, to)
	} else if old := constant(from); bytes.Contains(data, old) {
		data, found = bytes.ReplaceAll(data, old, constant(to)), 1
	}
	if err != nil {
		return 0, err
	}
	if found == 0 {
		return 0, w.Copy(f)
	}
	entry, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: time.Now()})
	if err != nil {
		return 0, err
	}
	_, err = entry.Write(data)
	return found, err
}

// constant is a text in a class file: CONSTANT_Utf8 (JVM specification, 4.4.7).
func constant(text string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{1}, uint16(len(text))), text...)
}

// editions are the builds of an application before and after an edit.
type editions [2]edition

// next gives what a build makes whose number is n.
func (e editions) next(n int) (files map[string][]byte, version string, err error) {
	version = fmt.Sprintf("version %d", 1000+n)
	files, err = e[n%2].as(version)
	return files, version, err
}

// editionsOf reads what was built in the folders.
func editionsOf(folders []string) (e editions, err error) {
	for i, version := range builtVersions {
		if e[i], err = readEdition(folders[i], version); err != nil {
			return e, err
		}
	}
	return e, nil
}

// builtVersions are built before anything is measured.
var builtVersions = []string{apps.Version, "version 2"}

// writeStored writes an entry that is not compressed. With its size and sum before its
// bytes: readers of streams cannot know where one ends that has them behind.
func writeStored(w *zip.Writer, name string, data []byte) error {
	entry, err := w.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)), Modified: time.Now(),
	})
	if err != nil {
		return err
	}
	_, err = entry.Write(data)
	return err
}
