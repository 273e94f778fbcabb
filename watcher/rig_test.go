package watcher

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// deadline is far beyond what any event may take; reaching it fails the test.
const deadline = 10 * time.Second

// jar makes a JAR with a Main-Class and one entry of the given text.
func jar(t testing.TB, text string) []byte {
	t.Helper()
	return zipOf(t, "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nMain-Class: app.Main\r\n\r\n", "app/Main.class", text)
}

// zipOf makes an archive of names and texts in turn. Entries are stored, so
// that tests can spoil bytes of theirs.
func zipOf(t testing.TB, namesAndTexts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(namesAndTexts); i += 2 {
		text := namesAndTexts[i+1]
		w, err := z.CreateRaw(&zip.FileHeader{
			Name: namesAndTexts[i], Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(text)),
			CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write writes a file in place, making its folder.
func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// rig is a running watcher of one service, "app", in Root/volume-app, and what
// it reported.
type rig struct {
	t      testing.TB
	w      *Watcher
	root   string // as the watcher sees it
	events chan Event
	stop   func()
}

// dir is the service's folder as the watcher sees it.
func (r *rig) dir(names ...string) string {
	return filepath.Join(append([]string{r.root, "volume-app"}, names...)...)
}

type setup func(*Options, *Service)

// intolerant makes troubles be reported soon. It is for tests that make some.
func intolerant(o *Options, _ *Service) { o.tolerance = 200 * time.Millisecond }

// start runs a watcher on root until the test ends.
func start(t *testing.T, root string, setups ...setup) *rig {
	t.Helper()
	o := Options{Root: root, Store: filepath.Join(t.TempDir(), "store")}
	s := Service{Name: "app", Dir: filepath.Join(root, "volume-app"), Runs: "*"}
	for _, f := range setups {
		f(&o, &s)
	}
	w, err := New(o, []Service{s})
	if err != nil {
		t.Fatal(err)
	}
	return run(t, w, root)
}

func run(t testing.TB, w *Watcher, root string) *rig {
	r := &rig{t: t, w: w, root: root, events: make(chan Event, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- w.Run(ctx, func(ctx context.Context, e Event) {
			select {
			case r.events <- e:
			case <-ctx.Done():
			}
		})
	}()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(deadline):
			t.Error("Run did not end with its context")
		}
	}
	t.Cleanup(r.stop)
	return r
}

// next gives the next event, which must be of this kind.
func (r *rig) next(kind EventKind) Event {
	r.t.Helper()
	select {
	case e := <-r.events:
		if e.Kind != kind {
			r.t.Fatalf("reported %s, want %s: %+v", e.Kind, kind, e)
		}
		return e
	case <-time.After(deadline):
		r.t.Fatalf("reported nothing, want %s", kind)
		panic("unreachable")
	}
}

// ready gives the set after a change of names or sizes.
func (r *rig) ready() Set {
	r.t.Helper()
	r.next(Changed)
	return r.next(Ready).Set
}

// refused gives the reason after a change of names or sizes.
func (r *rig) refused() string {
	r.t.Helper()
	r.next(Changed)
	return r.next(Refused).Reason
}

// has makes sure that the set holds exactly these files and bytes.
func has(t *testing.T, s Set, want map[string][]byte) {
	t.Helper()
	if len(s.Files) != len(want) {
		t.Errorf("set has %d files, want %d: %+v", len(s.Files), len(want), s.Files)
	}
	for name, data := range want {
		got, err := os.ReadFile(filepath.Join(s.Dir, name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, data) {
			t.Errorf("%s has %d other bytes than the %d wanted", name, len(got), len(data))
		}
	}
}

// contains makes sure that a reason names what it has to.
func contains(t *testing.T, reason string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(reason, p) {
			t.Errorf("reason %q does not say %q", reason, p)
		}
	}
	if strings.ContainsFunc(reason, func(r rune) bool { return r < ' ' }) {
		t.Errorf("reason %q is not one printable line", reason)
	}
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come to pass", what)
		}
	}
}

// share is a folder mounted through bindfs: what the other side writes to
// theirs gives no inotify event in seen.
type share struct {
	t            testing.TB
	theirs, seen string
	daemon       *exec.Cmd // nil while not mounted
}

func newShare(t testing.TB) *share {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if _, err := exec.LookPath("bindfs"); err != nil {
		t.Skip("bindfs is not installed")
	}
	dir := t.TempDir()
	s := &share{t: t, theirs: filepath.Join(dir, "real"), seen: filepath.Join(dir, "seen")}
	for _, d := range []string{s.theirs, s.seen} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.mount()
	t.Cleanup(s.unmount)
	return s
}

func (s *share) mount() {
	s.t.Helper()
	daemon := exec.Command("bindfs", "-f", s.theirs, s.seen)
	if err := daemon.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.daemon = daemon
	eventually(s.t, "the mount of "+s.seen, func() bool {
		var fs unix.Statfs_t
		return unix.Statfs(s.seen, &fs) == nil && fs.Type == unix.FUSE_SUPER_MAGIC
	})
}

// unmount ends the daemon itself: a container that is started meanwhile holds
// a copy of the mount, and the daemon would serve that for ever.
func (s *share) unmount() {
	if s.daemon == nil {
		return
	}
	daemon := s.daemon
	s.daemon = nil
	if err := unix.Unmount(s.seen, unix.MNT_DETACH); err != nil {
		s.t.Errorf("unmount %s: %v", s.seen, err)
	}
	if err := daemon.Process.Kill(); err != nil {
		s.t.Errorf("end bindfs: %v", err)
	}
	_ = daemon.Wait() // says that it was killed
}

// fileName gives a name for each of many files.
func fileName(i int) string { return fmt.Sprintf("file-%05d.conf", i) }
