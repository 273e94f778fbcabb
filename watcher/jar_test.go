package watcher

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const local = "META-INF/MANIFEST.MF"

// deflated makes an archive of one compressed entry of n equal bytes.
func deflated(t testing.TB, name string, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bytes.Repeat([]byte("a"), n)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Sizes and signatures of records, from APPNOTE.TXT 4.3.14 to 4.3.16.
const (
	endSig     = 0x06054b50
	locatorSig = 0x07064b50
	end64Len   = 56
	end64Sig   = 0x06064b50
)

// crowd makes an archive whose table of contents lists one empty entry n
// times, and whose end record claims as many in zip64, or else n mod 65536.
func crowd(n int, zip64 bool) []byte {
	le := binary.LittleEndian
	file := append([]byte("PK\x03\x04"), make([]byte, 26)...) // local header without a name, stored, empty
	head := append([]byte("PK\x01\x02"), make([]byte, 42)...)
	at, size := uint64(len(file)), uint64(n*len(head))
	b := slices.Concat(file, bytes.Repeat(head, n))
	if zip64 {
		end := le.AppendUint32(nil, end64Sig)
		end = le.AppendUint64(end, end64Len-12)
		end = append(end, make([]byte, 12)...)
		end = le.AppendUint64(end, uint64(n))
		end = le.AppendUint64(end, uint64(n))
		end = le.AppendUint64(end, size)
		end = le.AppendUint64(end, at)
		locator := le.AppendUint32(nil, locatorSig)
		locator = le.AppendUint32(locator, 0)
		locator = le.AppendUint64(locator, at+size)
		locator = le.AppendUint32(locator, 1)
		b = slices.Concat(b, end, locator)
		n = 0xffff
	}
	b = le.AppendUint32(b, endSig)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, uint16(n))
	b = le.AppendUint16(b, uint16(n))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(at))
	return le.AppendUint16(b, 0)
}

// spoil gives a copy with some bytes exchanged for others.
func spoil(b []byte, bytesOf, others string) []byte {
	return bytes.ReplaceAll(b, []byte(bytesOf), []byte(others))
}

// flagged gives a copy with the encryption bit set in the table of contents.
func flagged(b []byte) []byte {
	c := bytes.Clone(b)
	for i := 0; i+9 < len(c); i++ {
		if string(c[i:i+4]) == "PK\x01\x02" {
			c[i+8] |= 1
		}
	}
	return c
}

func TestCheckJAR(t *testing.T) {
	whole := jar(t, "some text")
	for _, test := range []struct {
		name string
		data []byte
		want string // part of what is wrong; "" if nothing is
	}{
		{"a whole JAR passes", whole, ""},
		{"a launch script before it is tolerated", append([]byte("#!/bin/sh\nexec java -jar $0\n"), whole...), ""},
		{"compressed entries are read", append([]byte(nil), deflated(t, "x", 1<<20)...), "no Main-Class"},
		{"nothing at all", nil, "is empty"},
		{"cut short by a byte", whole[:len(whole)-1], "cut short"},
		{"cut short by half", whole[:len(whole)/2], "cut short"},
		{"text", []byte("this is no archive\x1b[2J\n"), `is not a JAR (it begins with "this is no archi")`},
		{"escape codes are quoted", []byte("\x1b[2J\n"), `"\x1b[2J\n"`},
		{"zeros as long as a JAR", make([]byte, 100_000), "is not a JAR"},
		{"a byte of an entry is another", spoil(whole, "some text", "sore text"), "wrong checksum"},
		{"an entry that is encrypted", flagged(whole), "is encrypted"},
		{"no manifest", zipOf(t, "a", "b"), "no Main-Class"},
		{"a manifest without a Main-Class", zipOf(t, local, "Manifest-Version: 1.0\nMain-Classic: x\n"), "no Main-Class"},
		{"a Main-Class of nothing", zipOf(t, local, "Main-Class: \n"), "no Main-Class"},
		{"a Main-Class of another section", zipOf(t, local, "A: b\n\nMain-Class: x\n"), "no Main-Class"},
		{"a Main-Class over two lines", zipOf(t, local, "A: b\r\nMain-Cla\r\n ss: app.Main\r\n"), ""},
		{"a value over two lines", zipOf(t, local, "Main-Class: \n app.Main\n"), ""},
		{"lines that end in CR", zipOf(t, local, "A: b\rMain-Class: app.Main\r"), ""},
		{"names of the manifest in other case", zipOf(t, "meta-inf/Manifest.mf", "main-class: app.Main\n"), ""},
		{"an archive without entries", zipOf(t), "no Main-Class"},
		{"a million entries", crowd(1_000_000, true), "more than 120000 entries"},
		{"many entries, and a claim of few", crowd(2*65536+1000, false), "more than 120000 entries"},
		{"an entry that unpacks beyond all bounds", bomb(t), "unpacks to more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := checkJAR(t.Context(), bytes.NewReader(test.data), int64(len(test.data)), true, nil)
			switch {
			case err == nil && test.want != "":
				t.Errorf("passes, want %q", test.want)
			case err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%q, want %q", err, test.want)
			}
		})
	}
}

// bomb makes an archive whose table of contents says that its entry unpacks to
// nearly 4 GiB, twice.
func bomb(t testing.TB) []byte {
	b := zipOf(t, "a", "x", "b", "x")
	for i := 0; i+28 < len(b); i++ {
		if string(b[i:i+4]) == "PK\x01\x02" {
			binary.LittleEndian.PutUint32(b[i+24:], 0xfffffff0)
		}
	}
	return b
}

func TestALyingSizeIsFoundOut(t *testing.T) {
	b := deflated(t, "x", 1<<20)
	for i := 0; i+28 < len(b); i++ {
		if string(b[i:i+4]) == "PK\x01\x02" {
			binary.LittleEndian.PutUint32(b[i+24:], 10)
		}
	}
	if err := checkJAR(t.Context(), bytes.NewReader(b), int64(len(b)), false, nil); err == nil {
		t.Error("an entry that unpacks to more than it says passes")
	}
}

func TestCheckJARNeedsLittleMemory(t *testing.T) {
	for name, data := range map[string][]byte{
		"as many entries as are allowed": crowd(maxRecords, true),
		"more than are allowed":          crowd(200_000, true),
		"more than are claimed":          crowd(200_000, false),
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		err := checkJAR(t.Context(), bytes.NewReader(data), int64(len(data)), false, nil)
		runtime.ReadMemStats(&after)
		// All that was allocated, so more than was held at any time.
		if used := after.TotalAlloc - before.TotalAlloc; used > 100<<20 {
			t.Errorf("%s: %d MiB allocated (%v)", name, used>>20, err)
		}
		if held := after.HeapAlloc - before.HeapAlloc; after.HeapAlloc > before.HeapAlloc && held > 64<<20 {
			t.Errorf("%s: %d MiB held (%v)", name, held>>20, err)
		}
		t.Logf("%s: %d MiB allocated: %v", name, (after.TotalAlloc-before.TotalAlloc)>>20, err)
	}
}

func TestCheckJAREndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := jar(t, "text")
	if err := checkJAR(ctx, bytes.NewReader(b), int64(len(b)), true, nil); !notAboutIt(err) {
		t.Errorf("%v, want the context's error", err)
	}
}
