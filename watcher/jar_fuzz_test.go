package watcher

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// archives gives archives of every kind that a check may meet, most of them
// made here and some of Go's own (archive/zip/testdata), where its sources are.
func archives(t testing.TB) [][]byte {
	whole, large := jar(t, "text"), deflated(t, "x", 100_000)
	all := [][]byte{
		nil, []byte("text"), whole, whole[:len(whole)-5], whole[:len(whole)/2], whole[10:], append(whole, "more"...), append([]byte("#!/bin/sh\n"), whole...),
		flagged(whole), flagged(large), spoil(whole, "text", "test"), spoil(large, "PK\x07\x08", "PK\x07\x09"), large[:len(large)-30],
		zipOf(t), zipOf(t, local, "Main-Class: \n x\n"), zipOf(t, "../../etc/passwd", "x", "/abs", "y", "a\\b", "z", "dir/", ""),
		zipOf(t, "a", "first", "a", "second", local, "Main-Class: x\n", local, "Main-Class: \n"), // twice the same name
		zipOf(t, "inner.jar", string(whole), "deeper.zip", string(zipOf(t, "inner.jar", string(large)))),
		slices.Concat(whole, large), // one archive after another
		crowd(3, true), crowd(2, false), crowd(0, true), crowd(70_000, false), bomb(t), overlapping(t, 50), deflated(t, "x", 0), deflated(t, local, 5000),
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Logf("without Go's own archives: %v", err)
		return all
	}
	dir := filepath.Join(string(bytes.TrimSpace(root)), "src/archive/zip/testdata")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Logf("without Go's own archives: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f.Name(), ".base64") {
			if data, err = base64.StdEncoding.DecodeString(string(data)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, data)
	}
	return all
}

// overlapping makes a bomb whose n entries are all the same bytes, as a table
// of contents may say.
func overlapping(t testing.TB, n int) []byte {
	t.Helper()
	b := deflated(t, "x", 1<<20)
	at := bytes.Index(b, []byte("PK\x01\x02"))
	end := bytes.LastIndex(b, []byte("PK\x05\x06"))
	head, tail := b[at:end], bytes.Clone(b[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32(n*len(head)))
	return slices.Concat(b[:at], bytes.Repeat(head, n), tail)
}

// mostMemory is what a check of a small archive may allocate, whatever is in it.
const mostMemory = 32 << 20

// FuzzCheckJAR holds the check to archive/zip: what passes is what that reads
// to the end of every entry, apart from what is encrypted or beyond our limits.
// Nothing makes it allocate without bound.
func FuzzCheckJAR(f *testing.F) {
	for _, seed := range archives(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, size := bytes.NewReader(data), int64(len(data))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := checkJAR(t.Context(), r, size, false, nil)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > mostMemory+100*uint64(size) {
			t.Errorf("%d KiB are allocated for an archive of %d bytes", used>>10, size)
		}
		if whole, limited := readWhole(r, size); err == nil && whole != nil {
			t.Fatalf("passes, but: %v", whole)
		} else if err != nil && whole == nil && !limited {
			t.Fatalf("does not pass (%v), but archive/zip reads all of it", err)
		}
		if checkJAR(t.Context(), r, size, true, nil) == nil && err != nil {
			t.Fatalf("passes only where more is asked: %v", err)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' || c == 0x7f || c > 0x7f && c != '…' }) {
			t.Errorf("the reason %q repeats the archive's bytes", err)
		}
	})
}

// readWhole reads every entry with archive/zip, and says whether there is one
// which is not for us to take all the same.
func readWhole(r io.ReaderAt, size int64) (err error, limited bool) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return err, false
	}
	limited = len(z.File) > maxRecords
	sum := uint64(0)
	for _, f := range z.File {
		sum += min(f.UncompressedSize64, maxUnpacked+1)
		limited = limited || f.Flags&1 != 0 || sum > maxUnpacked
	}
	for _, f := range z.File {
		rc, err := f.Open()
		if err != nil {
			return err, limited
		}
		if _, err := io.Copy(io.Discard, rc); err != nil {
			return err, limited
		}
	}
	return nil, limited
}
