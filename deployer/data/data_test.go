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

func TestWhatCannotBeDataIsFoundBeforehand(t *testing.T) {
	archive := func(names ...string) string {
		var text bytes.Buffer
		w := tar.NewWriter(&text)
		for _, name := range names {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 700}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(bytes.Repeat([]byte("a"), 700)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	whole := archive("./var%2Flib%2Fa/x", "srv/y")
	long := archive("data/" + strings.Repeat("ü", 200)) // which a description says
	for name, c := range map[string]struct{ text, want string }{
		"whole":                      {whole, ""},
		"rubbish":                    {strings.Repeat("rubbish ", 200), "it is no tar archive, as jarloop data export writes one"},
		"a short text":               {"rubbish\n", "it is cut short or damaged"},
		"nothing":                    {"", "it is empty"},
		"an empty archive":           {archive(), "it is empty"},
		"compressed":                 {"\x1f\x8b\x08\x00\x00\x00\x00", "it is compressed: unpack it first, by gunzip"},
		"zip":                        {"PK\x03\x04 and so on", "by unzip"},
		"cut in a file":              {whole[:1000], "it is cut short or damaged"},
		"cut in a description":       {long[:700], "it is cut short or damaged"},
		"cut between files":          {whole[:512+1024], "not whole"},
		"damaged":                    {whole[:1536] + strings.Repeat("x", len(whole)-1536), "it is cut short or damaged"},
		"of another service":         {archive("opt%2Fb/x", "opt%2Fc/x"), "it holds /opt/b and /opt/c, and nothing of /var/lib/a and /data"},
		"made by hand":               {archive("var/lib/a/x"), "it holds /var, and nothing of /var/lib/a"},
		"a folder that is not whole": {archive("a%2/x"), `at its top is "a%2"`},
	} {
		err := data.Check(strings.NewReader(c.text), []string{"/var/lib/a", "/data"})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
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
