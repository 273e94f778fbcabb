package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/incus/api/apitest"
)

// openFiles opens those of an instance that has what is below dir.
func openFiles(t *testing.T, dir string) *Files {
	t.Helper()
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/1.0/instances/a/sftp" || r.Header.Get("Upgrade") != "sftp" {
			t.Errorf("%s was asked for, to be %q", r.URL.Path, r.Header.Get("Upgrade"))
		}
		apitest.ServeFiles(w, dir)
	})
	f, err := c.Files(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFilesAreWrittenAndReadAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	f := openFiles(t, dir)
	content := bytes.Repeat([]byte("0123456789"), 1<<20)
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "there"), []byte("old"), 0o600),
		f.MakeFolder("/etc/new/folder"), f.MakeFolder("/etc/new"),
		f.Put("/etc/new/folder/a b", 0o751, bytes.NewReader(content)),
		f.Put("/there", 0o644, strings.NewReader("new")),
		f.PutLink("/link", "/there"), f.Put("/link", 0o600, strings.NewReader("no link")),
		f.PutLink("/etc/link", "../there"), f.PutLink("/etc/link", "/elsewhere"),
	); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"etc/new/folder/a b": string(content), "there": "new", "link": "no link"} {
		if text, err := f.Read("/"+name, 20<<20); string(text) != want || err != nil {
			t.Errorf("%s is %d bytes, %v", name, len(text), err)
		}
		if text, err := os.ReadFile(filepath.Join(dir, name)); string(text) != want || err != nil {
			t.Errorf("%s is %d bytes there, %v", name, len(text), err)
		}
	}
	for name, want := range map[string]fs.FileMode{
		"/etc/new": fs.ModeDir | 0o755, "/etc/new/folder/a b": 0o751, "/there": 0o644, "/link": 0o600, "/etc/link": fs.ModeSymlink | 0o777,
	} {
		if f, err := f.Look(name); f.Mode != want || f.UID != os.Getuid() || err != nil {
			t.Errorf("%s is %s of %d, %v; want %s", name, f.Mode, f.UID, err, want)
		}
	}
	if target, err := f.Link("/etc/link"); target != "/elsewhere" || err != nil {
		t.Errorf("the link says %q, %v", target, err)
	}
	if all, err := f.Folder("/etc"); len(all) != 2 || !all["new"].Mode.IsDir() || all["link"].Mode.Type() != fs.ModeSymlink || err != nil {
		t.Errorf("there are %v, %v", all, err)
	}
	r, err := f.Open("/there", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); string(text) != "ew" || err != nil {
		t.Errorf("from an offset on it is %q, %v", text, err)
	}
}

func TestOfWhatIsNotThereAnErrorSaysSo(t *testing.T) {
	f := openFiles(t, t.TempDir())
	_, looked := f.Look("/none")
	_, opened := f.Open("/none", 0)
	_, listed := f.Folder("/none")
	for what, err := range map[string]error{"look": looked, "open": opened, "list": listed, "put": f.Put("/none/file", 0o644, strings.NewReader(""))} {
		if !IsNotFound(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.Remove("/none"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(f.Put("/file", 0o644, strings.NewReader("")), f.Remove("/file")); err != nil {
		t.Error(err)
	}
	if _, err := f.Look("/file"); !IsNotFound(err) {
		t.Errorf("it is there, %v", err)
	}
	if err := f.Put("/file", 0o644, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if err := f.MakeFolder("/file/folder"); err == nil {
		t.Error("a folder was made in a file")
	}
}

func TestFilesAreOpenedAgainWhereTheClusterIsBrokenForAMoment(t *testing.T) {
	var asked atomic.Int64
	dir := t.TempDir()
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1:
			refuse(w, http.StatusInternalServerError, "read unix forkfile.sock: connection reset by peer")
		case 2: // it ends when it is connected
			w.Header().Set("Upgrade", "sftp")
			w.Header().Set("Connection", "Upgrade")
			w.WriteHeader(http.StatusSwitchingProtocols)
			cut(w)
		default:
			apitest.ServeFiles(w, dir)
		}
	})
	f, err := c.Files(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	asked.Store(-tries) // more often than is tried
	c, _ = newClient(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusInternalServerError, "broken") })
	if _, err := c.Files(t.Context(), "a"); !IsBroken(err) {
		t.Errorf("it stays broken, and is %v", err)
	}
	c, fake := newClient(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Instance not found") })
	if _, err := c.Files(t.Context(), "a"); !IsNotFound(err) || fake.count("GET /1.0/instances/a/sftp") != 1 {
		t.Errorf("of one that is not there it is %v, asked %v", err, fake.calls)
	}
}

// TestFilesTakeTheirTimeWhileSomethingMoves has a line on which all takes longer than
// nothing may come.
func TestFilesTakeTheirTimeWhileSomethingMoves(t *testing.T) {
	dir := t.TempDir()
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) { apitest.ServeFiles(w, dir) })
	c.quick = 200 * time.Millisecond
	f, err := c.Files(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pieces := 0
	slow := readerFunc(func(p []byte) (int, error) {
		if pieces++; pieces > 12 {
			return 0, io.EOF
		}
		time.Sleep(c.quick / 4)
		return len(p), nil
	})
	if err := f.Put("/slow", 0o644, slow); err != nil {
		t.Error(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestFilesEndWithTheirContext(t *testing.T) {
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", "sftp")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(io.Discard, conn) // and says nothing
	})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(cause) })
	if _, err := c.Files(ctx, "a"); !errors.Is(err, cause) {
		t.Errorf("it ended with %v", err)
	}
	c.quick = 20 * time.Millisecond
	if _, err := c.Files(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "nothing has come for 20ms") {
		t.Errorf("it ended with %v", err)
	}
}
