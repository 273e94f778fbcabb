//go:build cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newData gives an engine that has data of the service trial in a folder, where no
// container is.
func newData(t *testing.T, path string) (*Engine, *store) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("owners of files need root")
	}
	e, err := New(Options{Path: path, Logs: filepath.Join(path, ".logs"), Child: []string{"/bin/false"}, DataCopyLimit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	s := &store{dir: e.disk.dataDir("trial")}
	mkdir(t, filepath.Join(s.live(), "data"))
	return e, s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listed gives what can be seen of all that is in a folder, but for its times.
func listed(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("sh", "-ec", `cd "$1"; find . -type d -printf '%P %M %U:%G\n' | sort; `+
		`find . ! -type d -printf '%P %M %U:%G %n %s %T@ %l\n' | sort; find . -type f -exec sha256sum {} + | sort`, "sh", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("list %s: %v: %s", dir, err, out)
	}
	note := make([]byte, 100)
	n, err := unix.Getxattr(filepath.Join(dir, "file"), "user.note", note)
	return fmt.Sprintf("%s%s %v", out, note[:max(n, 0)], err)
}

// fillWithAll makes in a folder what a copy can lose.
func fillWithAll(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, "file")
	writeFile(t, file, "text\n")
	mkdir(t, filepath.Join(dir, "sub", "empty"))
	must(t, errors.Join(
		os.Link(file, filepath.Join(dir, "linked")),
		os.Symlink("/etc/shadow", filepath.Join(dir, "link")),
		unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
		os.Chown(file, 107, 113), os.Chmod(file, 0o640),
		os.Chmod(filepath.Join(dir, "sub"), 0o2770|fs.ModeSetgid),
		os.WriteFile(filepath.Join(dir, " odd\nname"), nil, 0o600),
		os.WriteFile(filepath.Join(dir, "sparse"), nil, 0o600), os.Truncate(filepath.Join(dir, "sparse"), 4<<20),
		os.Chown(dir, 107, 113), os.Chmod(dir, 0o750)))
	must(t, unix.Setxattr(file, "user.note", []byte("kept"), 0))
}

// spoil does to data what a generation that fails could have done.
func spoil(t *testing.T, dir string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "file"), "other\n")
	writeFile(t, filepath.Join(dir, "fresh"), "other\n")
	must(t, errors.Join(os.RemoveAll(filepath.Join(dir, "sub")), os.Chmod(dir, 0o700), os.Chown(dir, 0, 0)))
}

// alone expects nothing beside what is named in the folder of a service's data.
func (s *store) alone(t *testing.T, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	must(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", s.dir, got, want)
	}
}

func TestDataAreRestoredAsTheyWere(t *testing.T) {
	e, s := newData(t, t.TempDir())
	restoresAll(t, e, s)
}

func restoresAll(t *testing.T, e *Engine, s *store) {
	t.Helper()
	dir := filepath.Join(s.live(), "data")
	fillWithAll(t, dir)
	before := listed(t, dir)
	held, err := os.Open(dir) // as a mount holds it
	must(t, err)
	defer held.Close()
	must(t, e.SaveData(t.Context(), "trial"))
	s.alone(t, "live", "saved")
	var st unix.Stat_t
	must(t, unix.Lstat(filepath.Join(s.saved(), "data", "sparse"), &st))
	if st.Blocks*512 > 1<<20 {
		t.Errorf("the copy of a sparse file takes %d bytes", st.Blocks*512)
	}
	spoil(t, dir)
	must(t, e.RestoreData(t.Context(), "trial"))
	s.alone(t, "live")
	if after := listed(t, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), held.Fd())); after != before {
		t.Errorf("they were\n%s\nand are\n%s", before, after)
	}
}

// TestARestorationThatIsCutOffEndsTheSame has it cut off between its acts.
func TestARestorationThatIsCutOffEndsTheSame(t *testing.T) {
	for name, cut := range map[string]func(t *testing.T, s *store){
		"where a part is removed": func(t *testing.T, s *store) { must(t, os.Remove(filepath.Join(s.live(), "data", "file"))) },
		"where all is removed":    func(t *testing.T, s *store) { must(t, s.empty(t.Context())) },
		"where it has begun":      func(t *testing.T, s *store) { must(t, errors.Join(s.empty(t.Context()), s.begin())) },
		"where a part is back, and a service was started": func(t *testing.T, s *store) {
			must(t, errors.Join(s.empty(t.Context()), s.begin()))
			from, to := filepath.Join(s.restoring(), "data"), filepath.Join(s.live(), "data")
			must(t, moveInto(to, from, "file"))
			mkdir(t, filepath.Join(to, "sub", "of the service"))
		},
	} {
		for next, call := range map[string]func(*Engine) error{
			"restored":   func(e *Engine) error { return e.RestoreData(context.Background(), "trial") },
			"saved anew": func(e *Engine) error { return e.SaveData(context.Background(), "trial") },
			"dropped":    func(e *Engine) error { return e.DropSavedData(context.Background(), "trial") },
		} {
			if next != "restored" && !strings.Contains(name, "begun") && !strings.Contains(name, "back") {
				continue // it may be given up then
			}
			t.Run(name+", and they are "+next, func(t *testing.T) {
				e, s := newData(t, t.TempDir())
				dir := filepath.Join(s.live(), "data")
				fillWithAll(t, dir)
				before := listed(t, dir)
				must(t, e.SaveData(t.Context(), "trial"))
				spoil(t, dir)
				lock, err := os.Open(s.dir)
				must(t, err)
				s.lock = lock
				cut(t, s)
				s.close()
				must(t, call(e))
				if after := listed(t, dir); after != before {
					t.Errorf("they were\n%s\nand are\n%s", before, after)
				}
			})
		}
	}
}

func TestLeftoversOfDataGoButWhatSomebodyIsAt(t *testing.T) {
	e, s := newData(t, t.TempDir())
	mkdir(t, filepath.Join(s.dir, asidePrefix+"left", "data"))
	held, err := e.disk.openStore(t.Context(), "trial")
	must(t, err)
	must(t, e.disk.sweepData())
	s.alone(t, asidePrefix+"left", "live")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.SaveData(ctx, "trial"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("saved while somebody is at them: %v", err)
	}
	held.close()
	must(t, e.disk.sweepData())
	s.alone(t, "live")
}

func TestACopyOfDataThatIsCutOffLeavesNothing(t *testing.T) {
	e, s := newData(t, t.TempDir())
	must(t, e.SaveData(t.Context(), "trial"))
	for n := range 2000 {
		must(t, os.WriteFile(filepath.Join(s.live(), "data", fmt.Sprint(n)), make([]byte, 8<<10), 0o600))
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for !strings.Contains(strings.Join(entries(s.dir), " "), asidePrefix) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel(enough)
	}()
	if err := e.SaveData(ctx, "trial"); !errors.Is(err, enough) {
		t.Errorf("cut off, it says %v", err)
	}
	s.alone(t, "live", "saved")
	if there(filepath.Join(s.saved(), "data", "0")) {
		t.Error("a part of the copy took the place of the one before")
	}
}

func entries(dir string) (names []string) {
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// TestArchivesOfDataHaveOwnersAsGuestsSeeThem has guests whose root is nobody here.
func TestArchivesOfDataHaveOwnersAsGuestsSeeThem(t *testing.T) {
	e, s := newData(t, newPath(t))
	must(t, os.Chmod(e.Path, 0o755))
	must(t, errors.Join(os.Chmod(filepath.Dir(s.dir), 0o711), os.Chown(s.dir, 0, first), os.Chmod(s.dir, 0o710)))
	dir := filepath.Join(s.live(), "data")
	writeFile(t, filepath.Join(dir, "file"), "text\n")
	must(t, errors.Join(os.Lchown(dir, first, first), os.Lchown(filepath.Join(dir, "file"), first+107, first+113)))
	before := listed(t, dir)
	file, err := os.Create(filepath.Join(t.TempDir(), "archive"))
	must(t, err)
	defer file.Close()
	must(t, e.ExportData(t.Context(), "trial", file))
	out, err := exec.Command("tar", "--numeric-owner", "-tvf", file.Name()).CombinedOutput()
	if err != nil || !strings.Contains(string(out), " 0/0 ") || !strings.Contains(string(out), " 107/113 ") {
		t.Errorf("the archive holds %s, %v", out, err)
	}
	must(t, os.RemoveAll(dir))
	_, err = file.Seek(0, 0)
	must(t, err)
	lock, err := e.disk.openStore(t.Context(), "trial")
	must(t, err)
	must(t, lock.take(t.Context(), file))
	lock.close()
	if after := listed(t, dir); after != before {
		t.Errorf("they were\n%s\nand are\n%s", before, after)
	}
}

// TestAnExportHoldsNobodyUp has somebody read an archive slowly, while the service writes,
// and the data are exchanged.
func TestAnExportHoldsNobodyUp(t *testing.T) {
	e, s := newData(t, t.TempDir())
	large := filepath.Join(s.live(), "data", "large")
	must(t, os.WriteFile(large, make([]byte, 4<<20), 0o600))
	must(t, e.SaveData(t.Context(), "trial"))
	for what, meanwhile := range map[string]func() error{
		"the service writes": func() error { return os.Truncate(large, 1<<20) },
		"they are restored":  func() error { return e.RestoreData(t.Context(), "trial") },
	} {
		t.Run(what, func(t *testing.T) {
			must(t, e.SaveData(t.Context(), "trial"))
			reader, writer := io.Pipe()
			done := make(chan error, 1)
			go func() {
				done <- e.ExportData(t.Context(), "trial", writer)
				_ = writer.Close()
			}()
			_, err := io.ReadFull(reader, make([]byte, 512))
			must(t, err)
			must(t, meanwhile())
			_, err = io.Copy(io.Discard, reader)
			must(t, err)
			err = <-done
			if exchanged := what == "they are restored"; exchanged != (err != nil) || exchanged && !strings.Contains(err.Error(), "exchanged meanwhile") {
				t.Errorf("the export says %v", err)
			}
		})
	}
}
