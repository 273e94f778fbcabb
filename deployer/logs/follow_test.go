package logs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// following is a Follow that runs, with what it gave so far.
type following struct {
	t    *testing.T
	mu   sync.Mutex
	got  []Line
	stop func() (int64, error)
}

func follow(t *testing.T, path string, offset int64, opt Options) *following {
	t.Helper()
	f := &following{t: t}
	ctx, cancel := context.WithCancel(t.Context())
	var (
		wg  sync.WaitGroup
		end int64
		err error
	)
	if opt.Poll == 0 {
		opt.Poll = time.Millisecond
	}
	wg.Go(func() {
		end, err = Follow(ctx, func() (*os.File, error) { return Open(path) }, offset, opt, func(l Line) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.got = append(f.got, l)
		})
	})
	f.stop = func() (int64, error) {
		cancel()
		wg.Wait()
		return end, err
	}
	t.Cleanup(func() { _, _ = f.stop() })
	return f
}

func (f *following) texts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	texts := []string{}
	for _, l := range f.got {
		text := l.Text
		if l.Note {
			text = "note: " + text
		}
		if l.Unfinished {
			text = "unfinished: " + text
		}
		texts = append(texts, text)
	}
	return texts
}

// gives waits until the lines are these.
func (f *following) gives(want ...string) {
	f.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		d := cmp.Diff(append([]string{}, want...), f.texts())
		if d == "" {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("after 10 s (-want +got):\n%s", d)
		}
		<-time.After(time.Millisecond)
	}
}

// write appends as a service does.
func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(t, err)
	_, err = f.WriteString(text)
	must(t, errors.Join(err, f.Close()))
}

func TestFollowGivesLinesAsTheyAppear(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f := follow(t, path, 0, Options{})
	f.gives() // the file is not there yet
	write(t, path, "one\ntw")
	f.gives("one")
	write(t, path, "o\n\nfour\r\n\x1b[2Jfive\n")
	f.gives("one", "two", "", "four", "five")
	write(t, path, "unfinished")
	end, err := f.stop()
	f.gives("one", "two", "", "four", "five", "unfinished")
	info, statErr := os.Stat(path)
	must(t, errors.Join(err, statErr))
	if end != info.Size() {
		t.Errorf("goes on from %d, want %d", end, info.Size())
	}
	write(t, path, " no more\nsix\n")
	again := follow(t, path, end, Options{})
	again.gives(" no more", "six")
	for _, l := range again.got {
		whole := follow(t, path, l.Offset, Options{})
		if _, err := whole.stop(); err != nil {
			t.Error(err)
		}
		if after := whole.texts(); (l.Text == "six") != (len(after) == 0) {
			t.Errorf("from the offset of %q: %q", l.Text, after)
		}
	}
}

func TestAProgressBarIsOneLineThatIsRenewed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, "begin\n"+strings.Repeat("\x1b[32m[#    ]\x1b[0m 10%\r", 2*maxLine/20))
	f := follow(t, path, 0, Options{})
	bar := func() string {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.got[len(f.got)-1].Coloured
	}
	await(t, func() bool { return slices.Contains(f.texts(), "unfinished: [#    ] 10%") })
	if bar() != "\x1b[32m[#    ]\x1b[0m 10%\x1b[0m" {
		t.Errorf("in colours it is %q", bar())
	}
	write(t, path, "\x1b[32m[###  ]\x1b[0m 50%\r")
	await(t, func() bool { return strings.HasSuffix(bar(), "50%\x1b[0m") })
	write(t, path, "[#####] 100%\r\nend\n")
	await(t, func() bool { return slices.Contains(f.texts(), "end") })
	if _, err := f.stop(); err != nil {
		t.Error(err)
	}
	finished := slices.DeleteFunc(f.texts(), func(text string) bool { return strings.HasPrefix(text, "unfinished: ") })
	if want := []string{"begin", "[#####] 100%", "end"}; !slices.Equal(finished, want) {
		t.Errorf("lines %q, want %q", finished, want)
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not after 10 s")
		}
	}
}

func TestFollowWithAnEndedContextGivesWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, strings.Repeat("x\n", 100_000))
	f := follow(t, path, 0, Options{})
	if _, err := f.stop(); err != nil || len(f.texts()) != 100_000 {
		t.Errorf("%d lines, %v", len(f.texts()), err)
	}
}

func TestFollowEndsWithItsContextWhileItGathers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		look, got := make(chan struct{}), []string{}
		done := make(chan error)
		go func() {
			_, err := Follow(ctx, func() (*os.File, error) { return Open(path) }, 0, Options{Look: look}, func(l Line) { got = append(got, l.Text) })
			done <- err
		}()
		look <- struct{}{}
		synctest.Wait() // it gathers now
		write(t, path, "last words\n")
		asked := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(asked); took > 0 {
			t.Errorf("it went on for %s", took)
		}
		if diff := cmp.Diff([]string{"last words"}, got); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

func TestFollowGoesOnWithTheNextFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, "one\n")
	f := follow(t, path, 0, Options{})
	f.gives("one")
	must(t, os.Rename(path, path+".1"))
	write(t, path+".1", "two, late")
	write(t, path, "three\n")
	f.gives("one", "two, late", "three")
	must(t, os.Truncate(path, 0))
	write(t, path, "4\n")
	f.gives("one", "two, late", "three", "4")
	must(t, os.Remove(path))
	write(t, path, "five\n")
	f.gives("one", "two, late", "three", "4", "five")
}

func TestFollowReportsWhatItCannotOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	must(t, unix.Mkfifo(path, 0o644))
	f := follow(t, path, 0, Options{})
	if _, err := f.stop(); !errors.Is(err, errIrregular) {
		t.Errorf("of a FIFO: %v", err)
	}
	if _, err := follow(t, path+"none", 0, Options{}).stop(); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

func TestALineWithoutEndIsCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	// 3 bytes each, so that the bound falls into a character.
	write(t, path, strings.Repeat("€", 50_000)+"\nshort\n")
	f := follow(t, path, 0, Options{})
	if _, err := f.stop(); err != nil {
		t.Fatal(err)
	}
	all := ""
	for i, l := range f.got {
		if len(l.Text) > maxLine+len(cutMark) {
			t.Errorf("line %d has %d bytes", i, len(l.Text))
		}
		if l.Cut != strings.HasSuffix(l.Text, cutMark) {
			t.Errorf("line %d: cut %v, but ends with %q", i, l.Cut, l.Text[len(l.Text)-8:])
		}
		if all += strings.TrimSuffix(l.Text, cutMark); !l.Cut {
			all += "\n"
		}
	}
	if all != strings.Repeat("€", 50_000)+"\nshort\n" {
		t.Errorf("%d lines do not make what was written", len(f.got))
	}
}

func TestOpenTakesNothingButAFile(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("/etc/hostname", dir+"/link"))
	must(t, unix.Mkfifo(dir+"/fifo", 0o644))
	must(t, unix.Mknod(dir+"/socket", unix.S_IFSOCK|0o644, 0))
	for _, name := range []string{dir, dir + "/link", dir + "/fifo", dir + "/socket"} {
		if _, err := Open(name); !errors.Is(err, errIrregular) {
			t.Errorf("Open(%s): %v", name, err)
		}
		if _, err := Tail(name, 1); !errors.Is(err, errIrregular) {
			t.Errorf("Tail(%s): %v", name, err)
		}
	}
	if _, err := Open(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of none: %v", err)
	}
}
