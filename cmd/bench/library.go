package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// libraryFolder is where Spring Boot has libraries in its JARs.
const libraryFolder = "BOOT-INF/lib/"

// library measures what an edit of a library costs, once, since the archive has to be
// made anew: its first redeploy, and one after that. Only what is started fast has
// anything to lose, and only in JARs of Spring Boot libraries lie as what they are.
func (t *trial) library(ctx context.Context) error {
	if !t.offs {
		return nil
	}
	for i, e := range t.built {
		data, found, err := otherLibrary(e.files[e.jar], fmt.Sprint(t.version))
		if err != nil || !found {
			return err
		}
		t.built[i].files[e.jar] = data
	}
	fastOne := t.roles()[0]
	if err := t.redeployed(ctx, fastOne, edited1); err != nil {
		return err
	}
	if err := t.warm(ctx); err != nil {
		return err
	}
	return t.redeployed(ctx, fastOne, edited2)
}

// otherLibrary gives the JAR with another version of its first library: another name,
// and another content.
func otherLibrary(jar []byte, mark string) (data []byte, found bool, err error) {
	r, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return nil, false, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		switch {
		case f.FileInfo().IsDir():
			_, err = w.Create(f.Name)
		case !found && strings.HasPrefix(f.Name, libraryFolder):
			found = true
			err = writeMarked(w, f, mark)
		default:
			err = w.Copy(f)
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	err = w.Close() // which writes the directory
	return out.Bytes(), found, err
}

// writeMarked writes a library with one more file in it, not compressed: Spring Boot
// reads it where it lies.
func writeMarked(w *zip.Writer, f *zip.File, mark string) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	inner, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	marked := zip.NewWriter(&out)
	for _, entry := range inner.File {
		if entry.FileInfo().IsDir() {
			_, err = marked.Create(entry.Name)
		} else {
			err = marked.Copy(entry)
		}
		if err != nil {
			return err
		}
	}
	if _, err := marked.Create("META-INF/edited-" + mark); err != nil {
		return err
	}
	if err := marked.Close(); err != nil {
		return err
	}
	return writeStored(w, strings.TrimSuffix(f.Name, ".jar")+"-"+mark+".jar", out.Bytes())
}
