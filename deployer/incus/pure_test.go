package incus

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// newEngine gives one of a cluster that has these instances.
func newEngine(t *testing.T, all []api.Instance) *Engine {
	t.Helper()
	return engineOf(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "sync", "metadata": all}) // who asked may be gone
	})
}

// engineOf gives one of a cluster that answers so.
func engineOf(t *testing.T, handle http.HandlerFunc) *Engine {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handle}}
	server.Start()
	t.Cleanup(server.Close)
	client, err := api.New(api.Options{Address: "unix:" + filepath.Join(dir, "s")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{Client: client, Owner: "anna", Logs: filepath.Join(dir, "logs"), Shared: filepath.Join(dir, "shared"), Program: program, Pool: "fast"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNamesAreTheOwners(t *testing.T) {
	e := newEngine(t, nil)
	for full, want := range map[string]string{"anna-web-1": "web-1", "bert-web-1": "", "anna-web": "", "web-1": "", "anna-": "", "annaweb-1": ""} {
		name, ok := e.short(full)
		if ok != (want != "") || ok && name != want {
			t.Errorf("%s is %q, %v", full, name, ok)
		}
	}
	o := e.Options
	for _, owner := range []string{"", "1a", "a_b", "A", "-a"} {
		o.Owner = owner
		if _, err := New(o); err == nil {
			t.Errorf("%q may own instances", owner)
		}
	}
}

// pieces gives what the program inside sends.
func pieces(t *testing.T, all ...any) *bufio.Reader {
	t.Helper()
	var b bytes.Buffer
	for _, one := range all {
		if text, is := one.(string); is {
			b.WriteString(text)
		} else if err := json.NewEncoder(&b).Encode(one); err != nil {
			t.Fatal(err)
		}
	}
	return bufio.NewReader(&b)
}

func TestTheMirrorHasTheSameAtTheSameOffsets(t *testing.T) {
	const before = "one\n"
	for name, test := range map[string]struct {
		from *bufio.Reader
		want string
		bad  bool
	}{
		"what follows":               {pieces(t, inside.Piece{Offset: 4, Bytes: 4}, "two\n", inside.Piece{Offset: 8, Bytes: 1}, "x"), "one\ntwo\nx", false},
		"behind what is not kept":    {pieces(t, inside.Piece{Offset: 6, Bytes: 1}, "x"), "one\n\x00\x00x", false},
		"of a file that was emptied": {pieces(t, inside.Piece{Offset: 0, Bytes: 2}, "a\n"), "a\n", false},
		"nothing":                    {pieces(t), before, false},
		"a piece that is cut off":    {pieces(t, inside.Piece{Offset: 4, Bytes: 9}, "two\n"), before, true},
		"a piece too large":          {pieces(t, inside.Piece{Offset: 4, Bytes: 1 << 20}), before, true},
		"a piece before the start":   {pieces(t, inside.Piece{Offset: -1, Bytes: 1}, "x"), before, true},
		"no piece":                   {pieces(t, "text\n"), before, true},
	} {
		file := filepath.Join(t.TempDir(), "out")
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = writePieces(out, test.from, int64(len(before)))
		out.Close()
		got, _ := os.ReadFile(file)
		if string(got) != test.want || (err != nil) != test.bad {
			t.Errorf("%s: it holds %q, %v; want %q", name, got, err, test.want)
		}
	}
}

func TestTheAnswerIsTakenFromBeforeAConnection(t *testing.T) {
	var to bytes.Buffer
	f := &firstLine{to: &to, answered: make(chan inside.Answer, 1)}
	for _, part := range []string{`{"Op`, `en":7}` + "\nhel", "lo"} {
		if n, err := f.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if a := <-f.answered; a.Open != 7 || a.Err() != nil || to.String() != "hello" {
		t.Errorf("%+v, %q", a, &to)
	}
	f = &firstLine{to: &to, answered: make(chan inside.Answer, 1)}
	if _, err := f.Write([]byte("no JSON\n")); err != nil {
		t.Error(err)
	}
	if a := <-f.answered; a.Err() == nil {
		t.Errorf("%+v", a)
	}
}

func TestOnlyWhatIsLackedOfFilesIsSent(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.Mkdir(in("lib"), 0o700), os.WriteFile(in("lib/a.jar"), []byte("a jar"), 0o640), os.Mkdir(in("empty"), 0o700),
		os.WriteFile(in("app.jar"), []byte("the application"), 0o600), os.WriteFile(in("same"), []byte("a jar"), 0o755),
	); err != nil {
		t.Fatal(err)
	}
	files, err := filesOf(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	sum := map[string]string{}
	for _, one := range files.parts {
		sum[one.Name] = one.SHA256
	}
	want := []inside.Part{
		{Name: "app.jar", Mode: 0o600, Size: 15, SHA256: sum["app.jar"]}, {Name: "empty", Mode: fs.ModeDir | 0o755},
		{Name: "lib", Mode: fs.ModeDir | 0o755}, {Name: "lib/a.jar", Mode: 0o640, Size: 5, SHA256: sum["same"]},
		{Name: "same", Mode: 0o755, Size: 5, SHA256: sum["same"]},
	}
	if !slices.Equal(files.parts, want) {
		t.Errorf("the parts are %+v, want %+v", files.parts, want)
	}
	for text, lacks := range map[string][]inside.Lack{
		"": {}, "application": {{SHA256: sum["app.jar"], From: 4}}, "a jarthe application": {{SHA256: sum["same"]}, {SHA256: sum["app.jar"]}},
	} {
		var sent bytes.Buffer
		if err := files.write(t.Context(), lacks, &sent); err != nil || files.size(lacks) != int64(len(text)) {
			t.Errorf("%q is of %d bytes, %v", text, files.size(lacks), err)
		}
		r, err := zstd.NewReader(&sent)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != text || err != nil {
			t.Errorf("sent was %q, %v; want %q", got, err, text)
		}
		r.Close()
	}
	if err := files.write(t.Context(), []inside.Lack{{SHA256: "another"}}, io.Discard); err == nil {
		t.Error("what nobody has was sent")
	}
	if err := os.Symlink("/etc/shadow", in("b.jar")); err != nil {
		t.Fatal(err)
	}
	if _, err := filesOf(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "b.jar") {
		t.Errorf("with a link: %v", err)
	}
}

func TestAnswersComeInPieces(t *testing.T) {
	var heard []inside.Answer
	l := &lines{each: func(a inside.Answer) { heard = append(heard, a) }}
	for _, piece := range []string{`{"More":true}` + "\n" + `{"More":tr`, `ue,"Lacks":[]}`, "\n", `{"Error":"no"}` + "\n"} {
		if l.last != nil {
			t.Errorf("%+v is the last one", l.last)
		}
		if _, err := l.Write([]byte(piece)); err != nil {
			t.Error(err)
		}
	}
	if len(heard) != 3 || heard[0].Lacks != nil || heard[1].Lacks == nil || l.last == nil || l.last.Err() == nil {
		t.Errorf("heard was %+v, the last %+v", heard, l.last)
	}
	if _, err := l.Write([]byte("Segmentation fault\n")); err == nil {
		t.Error("what is no answer was taken for one")
	}
}
