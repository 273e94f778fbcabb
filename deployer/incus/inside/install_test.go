package inside

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func file(name, text string, mode fs.FileMode) Part {
	return Part{Name: name, Mode: mode, Size: int64(len(text)), SHA256: sumOf(text)}
}

// sent is what follows, compressed.
func sent(t *testing.T, text string) io.Reader {
	t.Helper()
	var to bytes.Buffer
	w, err := zstd.NewWriter(&to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &to
}

func TestOnlyNamesBelowAFolderAreTaken(t *testing.T) {
	good := file("lib/a.jar", "a", 0o644)
	for name, all := range map[string][]Part{
		"outside":   {file("../a.jar", "a", 0o644)},
		"absolute":  {file("/a.jar", "a", 0o644)},
		"unclean":   {file("lib//a.jar", "a", 0o644)},
		"a link":    {file("a.jar", "a", fs.ModeSymlink|0o777)},
		"a device":  {file("a.jar", "a", fs.ModeDevice|0o600)},
		"twice":     {good, good},
		"no sum":    {{Name: "a.jar", Mode: 0o644, SHA256: ""}},
		"a path":    {{Name: "a.jar", Mode: 0o644, SHA256: "../../../etc/passwd"}},
		"less than": {{Name: "a.jar", Mode: 0o644, SHA256: sumOf(""), Size: -1}},
	} {
		if err := check(all); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := check([]Part{{Name: "lib", Mode: fs.ModeDir | 0o755}, good, file("same", "a", 0o600)}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsThereIsNotAskedFor(t *testing.T) {
	there := t.TempDir()
	p := &parts{dir: t.TempDir()}
	all := []Part{
		{Name: "lib", Mode: fs.ModeDir | 0o755}, file("lib/same", "same", 0o640), file("changed", "new text", 0o644), file("begun", "begun", 0o644),
		file("whole", "whole", 0o644), file("new", "new", 0o600), file("again", "new", 0o755), file("link", "link", 0o644),
	}
	if err := errors.Join(
		os.Mkdir(filepath.Join(there, "lib"), 0o755), os.WriteFile(filepath.Join(there, "lib/same"), []byte("same"), 0o644),
		os.WriteFile(filepath.Join(there, "changed"), []byte("old text"), 0o644), os.WriteFile(p.whole(sumOf("whole")), []byte("whole"), 0o600),
		os.WriteFile(p.whole(sumOf("begun"))+".part", []byte("be"), 0o600), os.WriteFile(filepath.Join(there, "target"), []byte("link"), 0o600),
		os.Symlink("target", filepath.Join(there, "link")),
	); err != nil {
		t.Fatal(err)
	}
	lacks, err := p.lacks(t.Context(), all, there)
	if err != nil {
		t.Fatal(err)
	}
	want := []Lack{{sumOf("new text"), 0}, {sumOf("begun"), 2}, {sumOf("new"), 0}, {sumOf("link"), 0}}
	if len(lacks) != len(want) {
		t.Fatalf("lacked are %+v, want %+v", lacks, want)
	}
	for n := range want {
		if lacks[n] != want[n] {
			t.Errorf("lacked is %+v, want %+v", lacks[n], want[n])
		}
	}
	if err := p.take(t.Context(), all, lacks, sent(t, "new text"+"gun"+"new"+"link")); err != nil {
		t.Fatal(err)
	}
	dir, err := p.assemble(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all[1:] {
		text, err := os.ReadFile(filepath.Join(dir, one.Name))
		if err != nil || sumOf(string(text)) != one.SHA256 {
			t.Errorf("%s is %q, %v", one.Name, text, err)
		}
		if info, err := os.Lstat(filepath.Join(dir, one.Name)); err != nil || info.Mode() != one.Mode {
			t.Errorf("%s is %s, %v", one.Name, info.Mode(), err)
		}
	}
}

func TestATransferThatBreaksGoesOnFromWhereItWas(t *testing.T) {
	p := &parts{dir: t.TempDir()}
	text := strings.Repeat("0123456789", 50_000)
	all := []Part{file("app.jar", text, 0o644)}
	lacks := []Lack{{SHA256: all[0].SHA256}}
	if err := p.take(t.Context(), all, lacks, sent(t, text[:300_001])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("it ends with %v", err)
	}
	lacks, err := p.lacks(t.Context(), all, t.TempDir())
	if err != nil || len(lacks) != 1 || lacks[0].From != 300_001 {
		t.Fatalf("lacked is %+v, %v", lacks, err)
	}
	if err := p.take(t.Context(), all, lacks, sent(t, text[300_001:])); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(p.whole(all[0].SHA256)); err != nil || string(got) != text {
		t.Errorf("there are %d bytes, %v", len(got), err)
	}
}

func TestWhatIsNotWhatWasSaidIsNotTaken(t *testing.T) {
	p := &parts{dir: t.TempDir()}
	all := []Part{file("app.jar", "right", 0o644)}
	if err := os.WriteFile(p.whole(all[0].SHA256)+".part", []byte("wro"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.take(t.Context(), all, []Lack{{all[0].SHA256, 3}}, sent(t, "ht")); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("it ends with %v", err)
	}
	lacks, err := p.lacks(t.Context(), all, t.TempDir())
	if err != nil || len(lacks) != 1 || lacks[0].From != 0 {
		t.Errorf("lacked is %+v, %v: it has to come anew", lacks, err)
	}
}
