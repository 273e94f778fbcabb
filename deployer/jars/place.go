package jars

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// place is where a library is.
type place interface {
	// where is a path, for people and to find what is known of it.
	where() string
	// sum tells its content from another one's without reading it, "" if it cannot.
	sum() string
	size() int64
	open() (io.ReadCloser, error)
	// at gives its content to be read in any order.
	at() (io.ReaderAt, io.Closer, error)
}

// nested is a library that is an entry of the JAR.
type nested struct {
	*zip.File
	jar io.ReaderAt
}

func (n nested) where() string { return n.Name }
func (n nested) sum() string {
	return fmt.Sprintf("%d %08x", n.UncompressedSize64, n.CRC32)
}
func (n nested) size() int64 { return int64(n.UncompressedSize64) }

func (n nested) open() (io.ReadCloser, error) { return n.Open() }

func (n nested) at() (io.ReaderAt, io.Closer, error) {
	if n.Method == zip.Store && n.CompressedSize64 == n.UncompressedSize64 {
		offset, err := n.DataOffset()
		return io.NewSectionReader(n.jar, offset, n.size()), io.NopCloser(nil), err
	}
	content, err := readEntry(n.File, maxInflated)
	return bytes.NewReader(content), io.NopCloser(nil), err
}

// beside is a library that is a file of the artefact set.
type beside struct {
	root   *os.Root
	name   string // below root, slash-separated
	bytes  int64
	sha256 string // "" if it is not known
}

func (b beside) where() string { return b.name }
func (b beside) sum() string   { return b.sha256 }
func (b beside) size() int64   { return b.bytes }

func (b beside) open() (io.ReadCloser, error) { return b.root.Open(filepath.FromSlash(b.name)) }

func (b beside) at() (io.ReaderAt, io.Closer, error) {
	f, err := b.root.Open(filepath.FromSlash(b.name))
	return f, f, err
}
