package logs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// used gives what a file takes up on the disk.
func used(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return allocated(info)
}

func TestAFloodIsBoundedOnTheDiskAndNoLineIsLost(t *testing.T) {
	const total, keep = 64 << 20, 1 << 20
	path := filepath.Join(t.TempDir(), "out")
	var next atomic.Int64 // the offset that the reader has come to
	bad := make(chan string, 1)
	want := 0
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var err error
	wg.Go(func() {
		_, err = Follow(ctx, func() (*os.File, error) { return Open(path) }, 0, Options{Keep: keep, Poll: time.Millisecond}, func(l Line) {
			if wanted := line(want); l.Note || l.Text != strings.TrimSuffix(wanted, "\n") {
				select {
				case bad <- fmt.Sprintf("line %d is %q", want, l.Text):
				default:
				}
			}
			want++
			next.Store(l.Offset)
		})
	})
	f, openErr := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(t, openErr)
	defer f.Close()
	most, n := int64(0), 0
	deadline := time.Now().Add(2 * time.Minute)
	for size := 0; size < total; {
		var b strings.Builder
		for b.Len() < 128<<10 {
			b.WriteString(line(n))
			n++
		}
		written, err := f.WriteString(b.String())
		must(t, err)
		size += written
		most = max(most, used(t, path))
		// As fast as the reader, but not so fast that it may lose lines.
		for int64(size)-next.Load() > 4*keep {
			if time.Now().After(deadline) {
				cancel()
				wg.Wait()
				t.Fatalf("the reader is at %d of %d", next.Load(), size)
			}
			<-time.After(time.Millisecond)
		}
	}
	cancel()
	wg.Wait()
	must(t, err)
	select {
	case what := <-bad:
		t.Error(what)
	default:
	}
	if want != n {
		t.Errorf("%d lines of %d", want, n)
	}
	if most > 8*keep {
		t.Errorf("took up %d bytes at a time", most)
	}
	lines, err := Tail(path, 3)
	must(t, err)
	if d := cmp.Diff([]string{line(n - 3), line(n - 2), line(n - 1)}, []string{lines[0] + "\n", lines[1] + "\n", lines[2] + "\n"}); d != "" {
		t.Errorf("tail (-want +got):\n%s", d)
	}
}

// line is the line of a number, of a length that no block is a multiple of.
func line(n int) string { return fmt.Sprintf("%d %s\n", n, strings.Repeat("=", 500+n%97)) }

func TestOneThatFloodsFasterThanItIsReadIsBoundedAllTheSame(t *testing.T) {
	const keep = 64 << 10
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, "first\n")
	release := make(chan struct{})
	var got []Line
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var err error
	wg.Go(func() {
		_, err = Follow(ctx, func() (*os.File, error) { return Open(path) }, 0, Options{Keep: keep, Poll: time.Millisecond}, func(l Line) {
			got = append(got, l)
			<-release // a reader that is held up
		})
	})
	size := 0
	for n := 0; size < 8<<20; n++ {
		size += len(line(n))
	}
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		b.WriteString(line(n))
	}
	write(t, path, b.String())
	close(release)
	for deadline := time.Now().Add(10 * time.Second); used(t, path) > 3*keep; {
		if time.Now().After(deadline) {
			t.Fatalf("takes up %d bytes", used(t, path))
		}
		<-time.After(time.Millisecond)
	}
	cancel()
	wg.Wait()
	must(t, err)
	notes := 0
	for _, l := range got {
		if l.Note {
			notes++
		} else if l.Text != "first" && !strings.HasSuffix(l.Text, "===") {
			t.Errorf("a line that nobody wrote: %q", l.Text)
		} else if n := 0; l.Text != "first" {
			if _, err := fmt.Sscanf(l.Text, "%d", &n); err != nil || l.Text+"\n" != line(n) {
				t.Errorf("a part of a line: %q", l.Text)
			}
		}
	}
	if notes == 0 {
		t.Error("lines are missing, and nothing says so")
	}
}

func TestAFilesystemWithoutHolesHasTheFileEmptied(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	dir := t.TempDir()
	if err := unix.Mount("jarloop-test", dir, "ramfs", 0, ""); err != nil {
		t.Skipf("no ramfs here: %v", err)
	}
	defer func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) }()
	path := filepath.Join(dir, "out")
	write(t, path, "")
	f := follow(t, path, 0, Options{Keep: 64 << 10})
	write(t, path, strings.Repeat("x\n", 100_000))
	for deadline := time.Now().Add(10 * time.Second); ; {
		if info, err := os.Stat(path); err == nil && info.Size() == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it is not emptied")
		}
		<-time.After(time.Millisecond)
	}
	write(t, path, "after\n")
	if _, err := f.stop(); err != nil {
		t.Error(err)
	}
	if texts := f.texts(); texts[len(texts)-1] != "after" {
		t.Errorf("the last of %d lines is %q", len(texts), texts[len(texts)-1])
	}
}
