package inside

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestAnArchiveIsUnpackedWhereItBelongs(t *testing.T) {
	for name, test := range map[string]struct {
		headers []tar.Header
		bad     bool
	}{
		"files and folders":      {[]tar.Header{{Typeflag: tar.TypeDir, Name: "lib/"}, {Typeflag: tar.TypeReg, Name: "lib/a.jar", Mode: 0o640, Size: 1}}, false},
		"a file outside":         {[]tar.Header{{Typeflag: tar.TypeReg, Name: "../a.jar", Size: 1}}, true},
		"a folder outside":       {[]tar.Header{{Typeflag: tar.TypeDir, Name: "../lib/"}}, true},
		"a link":                 {[]tar.Header{{Typeflag: tar.TypeSymlink, Name: "a.jar", Linkname: "/etc/shadow"}}, true},
		"a device":               {[]tar.Header{{Typeflag: tar.TypeChar, Name: "a.jar"}}, true},
		"one name twice":         {[]tar.Header{{Typeflag: tar.TypeReg, Name: "a", Size: 1}, {Typeflag: tar.TypeReg, Name: "a", Size: 1}}, true},
		"a file below no folder": {[]tar.Header{{Typeflag: tar.TypeReg, Name: "lib/a.jar", Size: 1}}, true},
		"nothing is an archive":  {nil, false},
	} {
		var text bytes.Buffer
		w := tar.NewWriter(&text)
		for _, h := range test.headers {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if h.Size > 0 {
				if _, err := w.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "dir")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		err := untar(t.Context(), &text, dir)
		if (err != nil) != test.bad {
			t.Errorf("%s: %v", name, err)
		}
		if beside, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*")); len(beside) != 1 {
			t.Errorf("%s: there are %q", name, beside)
		}
		if len(test.headers) == 2 && !test.bad {
			if info, err := os.Stat(filepath.Join(dir, "lib", "a.jar")); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
}

func TestAnArchiveThatIsCutOffIsAnError(t *testing.T) {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "a.jar", Size: 1000}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{100, 512, 700} {
		if err := untar(t.Context(), bytes.NewReader(text.Bytes()[:n]), t.TempDir()); err == nil {
			t.Errorf("%d bytes were unpacked", n)
		}
	}
}
