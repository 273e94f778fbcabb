package printed

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/logs"
)

// shelf is a folder of logs.
type shelf struct {
	t   *testing.T
	dir string
}

func newShelf(t *testing.T) shelf { return shelf{t, t.TempDir()} }

func (s shelf) out(service string, number int) string {
	return filepath.Join(s.dir, service, strconv.Itoa(number), "reports", "out")
}

func (s shelf) copy(service string, number int, name string) string {
	return filepath.Join(s.dir, service, strconv.Itoa(number), "files", url.PathEscape(name))
}

// write appends text to a file that was last written to so many minutes ago.
func (s shelf) write(path, text string, ago int) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
	at := time.Now().Add(-time.Duration(ago) * time.Minute)
	if err := os.Chtimes(path, at, at); err != nil {
		s.t.Fatal(err)
	}
}

// seen are the lines that a reader has given.
type seen struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and made anew with each line
}

func (s *seen) line(l deployer.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, strings.TrimSuffix(l.Generation+" "+l.File, " ")+": "+l.Text)
	close(s.more)
	s.more = make(chan struct{})
}

func (s *seen) all() ([]string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...), s.more
}

// await waits until the lines are those.
func (s *seen) await(t *testing.T, want ...string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		got, more := s.all()
		if len(got) >= len(want) {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
			return
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("these lines are missing: %s", cmp.Diff(want, got))
		}
	}
}

func newSeen() *seen { return &seen{more: make(chan struct{})} }

func TestWhatWasPrintedComesByGenerationAndByWhenItWasPrintedLast(t *testing.T) {
	s := newShelf(t)
	s.write(s.out("web", 2), "two\n", 50) // printed longer than the one after it
	s.write(s.out("web", 10), "Picked up JAVA_TOOL_OPTIONS: "+guest.Debugger(5005)+"\nten\nnot\x1b[2J ended", 60)
	s.write(s.copy("web", 10, "/log/access.log"), "GET /\n", 20)
	s.write(s.out("person", 1), "first\n", 70)
	s.write(s.out("person", 3), "third\n", 30)
	s.write(s.out("session", 1), "of no interest\n", 1)
	if err := os.MkdirAll(filepath.Dir(s.out("person", 4)), 0o755); err != nil { // a standby
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		generation int
		since      int // minutes ago
		want       []string
	}{
		{"all", 0, 0, []string{"person-1: first", "web-2: two", "person-3: third", "web-10: ten", "web-10: not ended", "web-10 access.log: GET /"}},
		{"one generation", 10, 0, []string{"web-10: ten", "web-10: not ended", "web-10 access.log: GET /"}},
		{"what has printed since", 0, 40, []string{"person-3: third", "web-10 access.log: GET /"}},
		{"nothing that is kept", 7, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := newSeen()
			r := &Reader{Logs: s.dir, Services: []string{"web", "person"}, Generation: c.generation, Line: got.line}
			if c.since > 0 {
				r.Since = time.Now().Add(-time.Duration(c.since) * time.Minute)
			}
			// The empty standby comes first or last: it has no lines.
			if err := r.Print(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.lines); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatCannotBeReadIsToldOfAndTheRestComes(t *testing.T) {
	s := newShelf(t)
	s.write(s.out("web", 1), "one\n", 2)
	s.write(s.out("web", 3), "three\n", 1)
	secret := filepath.Join(t.TempDir(), "secret")
	s.write(secret, "secret\n", 1)
	if err := os.MkdirAll(filepath.Dir(s.out("web", 2)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, s.out("web", 2)); err != nil { // a container can make one there
		t.Fatal(err)
	}
	got := newSeen()
	r := &Reader{Logs: s.dir, Services: []string{"web"}, Line: got.line}
	if err := r.Print(t.Context()); err == nil || !strings.Contains(err.Error(), "read what web-2 has printed: ") {
		t.Errorf("the error is %v", err)
	}
	if diff := cmp.Diff([]string{"web-1: one", "web-3: three"}, got.lines); diff != "" {
		t.Error(diff)
	}
}

func TestPrintStopsWithItsContext(t *testing.T) {
	s := newShelf(t)
	s.write(s.out("web", 1), "one\ntwo\nthree\n", 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	r := &Reader{Logs: s.dir, Services: []string{"web"}, Line: func(deployer.Line) { n++; cancel() }}
	if err := r.Print(ctx); err != nil || n != 1 {
		t.Errorf("%d lines, %v", n, err)
	}
}

// follow follows until the test ends.
func follow(t *testing.T, r *Reader) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Follow(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestALineThatIsNotEndedIsFollowedToItsEnd(t *testing.T) {
	s, got := newShelf(t), newSeen()
	s.write(s.out("web", 1), "one\ntw", 5)
	s.write(s.out("web", 2), "three\n", 4)
	s.write(s.out("web", 3), "no", 3)
	follow(t, &Reader{Logs: s.dir, Services: []string{"web"}, Line: got.line})
	got.await(t, "web-1: one", "web-2: three")
	s.write(s.out("web", 1), "o\n", 0)
	got.await(t, "web-1: one", "web-2: three", "web-1: two")
	s.write(s.out("web", 3), "w\n", 0)
	got.await(t, "web-1: one", "web-2: three", "web-1: two", "web-3: now")
}

func TestSinceLeavesOutWhatIsThereAndFollowsIt(t *testing.T) {
	s, got := newShelf(t), newSeen()
	s.write(s.out("web", 1), "old\n", 5)
	s.write(s.out("web", 2), "new\n", -1)
	follow(t, &Reader{Logs: s.dir, Services: []string{"web"}, Since: time.Now(), Line: got.line})
	got.await(t, "web-2: new")
	s.write(s.out("web", 1), "its last words\n", 0)
	got.await(t, "web-2: new", "web-1: its last words")
}

func TestAGenerationThatIsRemovedIsReadToItsEndAndItsNumberMayComeAgain(t *testing.T) {
	s, got := newShelf(t), newSeen()
	s.write(s.out("web", 1), "one\n", 1)
	follow(t, &Reader{Logs: s.dir, Services: []string{"web"}, Line: got.line})
	got.await(t, "web-1: one")
	s.write(s.out("web", 1), "two\n", 0)
	got.await(t, "web-1: one", "web-1: two") // it is open by now
	s.write(s.out("web", 1), "three", 0)
	if err := os.RemoveAll(filepath.Join(s.dir, "web", "1")); err != nil {
		t.Fatal(err)
	}
	got.await(t, "web-1: one", "web-1: two", "web-1: three")
	s.write(s.out("web", 1), "anew\n", 0)
	got.await(t, "web-1: one", "web-1: two", "web-1: three", "web-1: anew")
}

func TestWhatHasBeenGivenBackIsSaidAndTheRestFollows(t *testing.T) {
	s, got := newShelf(t), newSeen()
	line := strings.Repeat("x", 1023) + "\n"
	s.write(s.out("web", 1), strings.Repeat(line, 100), 0)
	f, err := logs.Open(s.out("web", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := logs.Bound(f, 8<<10); err != nil {
		t.Fatal(err)
	}
	follow(t, &Reader{Logs: s.dir, Services: []string{"web"}, Line: got.line})
	want := []string{"web-1: 94208 bytes of output were not kept"}
	for range 7 { // the first of the eight may not be whole
		want = append(want, "web-1: "+strings.TrimSuffix(line, "\n"))
	}
	got.await(t, want...)
	s.write(s.out("web", 1), "last\n", 0)
	got.await(t, append(want, "web-1: last")...)
}

func TestWhatIsGivenBackBehindItIsNoLoss(t *testing.T) {
	s, got := newShelf(t), newSeen()
	s.write(s.out("web", 1), "", 0)
	f, err := logs.Open(s.out("web", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	follow(t, &Reader{Logs: s.dir, Services: []string{"web"}, Line: got.line})
	var want []string
	for i := range 10 {
		for j := range 20 {
			line := strconv.Itoa(100*i+j) + strings.Repeat("x", 1000)
			s.write(s.out("web", 1), line+"\n", 0)
			want = append(want, "web-1: "+line)
		}
		got.await(t, want...)
		if err := logs.Bound(f, 4<<10); err != nil {
			t.Fatal(err)
		}
	}
}
