package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// backwards reads a whole file in windows, the last one first.
func backwards(t *testing.T, path string, window int64) []string {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	at, size, err := End(f)
	must(t, err)
	var all []string
	if size > at {
		lines, start, _, err := Before(f, size, size-at)
		must(t, err)
		if start != at || len(lines) != 1 || !lines[0].Unfinished {
			t.Fatalf("the line without an end is %+v, from %d; want it from %d", lines, start, at)
		}
		all = []string{"unfinished: " + lines[0].Text}
	}
	for more := at > 0; more; {
		lines, start, further, err := Before(f, at, window)
		must(t, err)
		if start >= at {
			t.Fatalf("at %d it goes back to %d", at, start)
		}
		var texts []string
		for _, l := range lines {
			texts = append(texts, l.Text)
		}
		all = append(texts, all...)
		at, more = start, further
	}
	return all
}

func TestLinesAreReadBackwardsEachOnce(t *testing.T) {
	long := strings.Repeat("x", maxLine+10)
	var want []string
	for n := range 500 {
		want = append(want, fmt.Sprintf("%d %s", n, strings.Repeat("=", n%97)))
	}
	text := strings.Join(want, "\n") + "\n\n" + long + "\nlast\nbegun"
	want = append(want, "", long[:maxLine]+cutMark, long[maxLine:], "last", "unfinished: begun")
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, text)
	for _, window := range []int64{1, 7, 100, 4096, 1 << 20} {
		if got := backwards(t, path, window); !slices.Equal(got, want) {
			t.Errorf("in windows of %d bytes: %d lines, want %d; the last are %.100q", window, len(got), len(want), got[max(0, len(got)-3):])
		}
	}
}

func TestWhatWasGivenBackIsANoteAtTheBeginning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	var b strings.Builder
	for n := range 1000 {
		b.WriteString(line(n))
	}
	write(t, path, b.String())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	must(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 10*block))
	got := backwards(t, path, 5000)
	if want := fmt.Sprintf("%d bytes of output were not kept", 10*block); got[0] != want {
		t.Errorf("it begins with %.60q, want %q", got[0], want)
	}
	for i, text := range got[1:] {
		if want := line(1000 - len(got) + 1 + i); text+"\n" != want {
			t.Fatalf("line %d is %.30q, want %.30q", i, text, want)
		}
	}
}

func TestAnEmptyFileHasNothingBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, "")
	if got := backwards(t, path, 100); len(got) > 0 {
		t.Errorf("it has %q", got)
	}
}
