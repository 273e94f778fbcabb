package data_test

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer/data"
)

func TestNamesOfData(t *testing.T) {
	for _, folder := range []string{"/data", "/var/lib/app", "/a b/%2F/ü", "/a..b"} {
		name := data.Name(folder)
		if back, ok := data.Folder(name); !ok || back != folder || strings.ContainsAny(name, "/ ") {
			t.Errorf("%s is called %s, which is %s", folder, name, back)
		}
	}
	for _, name := range []string{"", "%", "%2F", "%2Fdata", "data%2F", "..", "a%2F..", "a%2f..%2fb", ".", "var%2flib", "a%00"} {
		if folder, ok := data.Folder(name); ok && !strings.Contains(name, "%00") {
			t.Errorf("%q stands for %s", name, folder)
		}
	}
}

func TestPlacesAreApartFromEachOtherAndFromTheContainersOwn(t *testing.T) {
	var places data.Places
	for _, at := range []string{"/var/lib/a", "/srv", "/devices", "/opt/a/b"} {
		if err := places.Add(at, at); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	for _, at := range []string{"/", "/var", "/var/lib/a", "/var/lib/a/b", "/srv/x", "/opt/a", "/proc/x", "/dev", "/etc", "/etc/jarloop/x"} {
		if err := places.Add("/named", at); err == nil || !strings.Contains(err.Error(), "/named") || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestAnArchiveWithoutItsEndIsNotWhole(t *testing.T) {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "srv/", Mode: 0o755}); err != nil {
		t.Fatal(err)
	}
	cut := text.Len()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for n, whole := range map[int]bool{0: false, 100: false, cut: false, text.Len() - 512: false, text.Len(): true} {
		a := data.Archive{From: bytes.NewReader(text.Bytes()[:n])}
		if _, err := io.CopyN(io.Discard, &a, 1); n > 0 && err != nil {
			t.Fatal(err)
		}
		if err := a.Whole(); (err == nil) != whole {
			t.Errorf("%d bytes of %d: %v", n, text.Len(), err)
		}
	}
}
