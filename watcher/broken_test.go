package watcher

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestABrokenJARIsRefusedAndNothingIsKept puts what is no JAR in the share, of
// each kind that a build or a copy leaves, and wants one line and no set: what
// there is no set of is not deployed.
func TestABrokenJARIsRefusedAndNothingIsKept(t *testing.T) {
	whole := jar(t, "some text")
	for _, test := range []struct {
		name string
		data []byte
		want []string
	}{
		{"empty", nil, []string{"app.jar", "is empty", "build it again"}},
		{"truncated", whole[:len(whole)/2], []string{"app.jar", "cut short"}},
		{"encrypted", flagged(whole), []string{"app.jar", "is encrypted"}},
		{"text", []byte("nothing of the kind"), []string{"app.jar", "is not a JAR"}},
		{"without a Main-Class", zipOf(t, "a", "b"), []string{"app.jar", "no Main-Class"}},
		{"a WAR for a server", zipOf(t, "WEB-INF/web.xml", "<web-app/>"), []string{"no Main-Class", "a WAR like this is for a servlet container"}},
		{"an EAR", zipOf(t, "META-INF/application.xml", "<application/>"), []string{"no Main-Class", "an EAR is for an application server"}},
		{"of Maven, without a Main-Class", zipOf(t, "META-INF/maven/a/b/pom.properties", "version=1"), []string{"no Main-Class", "set it in the pom.xml"}},
		{"a bomb", bomb(t), []string{"app.jar", "unpacks to more than"}},
		{"a crowd", crowd(200_000, true), []string{"app.jar", "more than 120000 entries"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root, store := t.TempDir(), filepath.Join(t.TempDir(), "store")
			write(t, filepath.Join(root, "volume-app", "app.jar"), test.data)
			r := start(t, root, func(o *Options, _ *Service) { o.Patience, o.Store = 50*time.Millisecond, store })
			contains(t, r.refused(), test.want...)
			r.stop()
			left, err := filepath.Glob(filepath.Join(store, "*", "*"))
			if err != nil || len(left) > 0 {
				t.Errorf("kept: %v, %v", left, err)
			}
		})
	}
}

// TestAFileThatMayNotBeReadIsRefused reads as somebody who is not root, as on a
// share whose server lets root do nothing.
func TestAFileThatMayNotBeReadIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	root := t.TempDir()
	write(t, filepath.Join(root, "a.yml"), []byte("a"))
	must(t, os.Chmod(filepath.Join(root, "a.yml"), 0o600))
	fd, err := place{root, root}.open()
	must(t, err)
	defer unix.Close(fd)
	h := how{enter: func(string) {}, beat: func() {}}
	into := t.TempDir()
	seen, err := scan(t.Context(), fd, h)
	must(t, err)
	result := make(chan error, 1)
	out, err := os.Create(filepath.Join(into, "a.yml"))
	must(t, err)
	defer out.Close()
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its rights
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			result <- err
			return
		}
		_, err := readFile(t.Context(), fd, seen.entries[0], out, make([]byte, 1024), h)
		result <- err
	}()
	var unfit *unfitError
	if err := <-result; !errors.As(err, &unfit) {
		t.Fatalf("got %v", err)
	}
	contains(t, unfit.reason, "a.yml", "permission denied", "make it readable")
}

// TestWhatIsRecordedIsWhatIsKept replaces a JAR by others over and over, by a
// new file in its place and by writing into it, while it is taken. Every set
// that is reported must be one of those that were written, whole, and its ID that
// of the bytes that are kept; the last one reported is the last one written.
func TestWhatIsRecordedIsWhatIsKept(t *testing.T) {
	root := t.TempDir()
	var versions [][]byte
	for _, c := range []byte("abcdefgh") {
		versions = append(versions, jar(t, string(bytes.Repeat([]byte{c}, 200<<10)))) // all of one size
	}
	name := filepath.Join(root, "volume-app", "app.jar")
	write(t, name, versions[0])
	r := start(t, root, func(o *Options, _ *Service) { o.Settle = time.Millisecond })
	last := jar(t, "the last one")
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for i := range 40 {
			v := versions[i%len(versions)]
			to := name
			if i%2 == 0 {
				to += ".tmp"
			}
			if err := os.WriteFile(to, v, 0o644); err != nil {
				t.Error(err)
			}
			if to == name {
				continue
			}
			if err := os.Rename(to, name); err != nil {
				t.Error(err)
			}
		}
		if err := os.WriteFile(name, last, 0o644); err != nil {
			t.Error(err)
		}
	})
	for end := time.After(deadline); ; {
		select {
		case e := <-r.events:
			if e.Kind != Ready {
				continue
			}
			got, err := os.ReadFile(filepath.Join(e.Set.Dir, "app.jar"))
			must(t, err)
			sum := sha256.Sum256(got)
			i := slices.IndexFunc(e.Set.Files, func(f File) bool { return f.Name == "app.jar" })
			if i < 0 || e.Set.Files[i].SHA256 != hex.EncodeToString(sum[:]) {
				t.Fatalf("recorded are %+v, kept is %x", e.Set.Files, sum)
			}
			if bytes.Equal(got, last) {
				return
			}
			if !slices.ContainsFunc(versions, func(v []byte) bool { return bytes.Equal(v, got) }) {
				t.Fatal("kept is a mixture of two versions")
			}
		case <-end:
			t.Fatal("the last version was never reported")
		}
	}
}

// TestAFIFOThatTakesAFilesPlaceDoesNotBlock has the file exchanged between the
// scan and the copy.
func TestAFIFOThatTakesAFilesPlaceDoesNotBlock(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join(root, "a.yml")
	write(t, name, []byte("a"))
	h := how{enter: func(string) {}, beat: func() {}}
	fd, err := place{root, root}.open()
	must(t, err)
	defer unix.Close(fd)
	seen, err := scan(t.Context(), fd, h)
	must(t, err)
	must(t, os.Remove(name))
	must(t, unix.Mkfifo(name, 0o644))
	done := make(chan error, 1)
	go func() {
		_, err := copyFiles(t.Context(), fd, seen.entries, t.TempDir(), h)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, errMoved) {
			t.Errorf("%v, want %v", err, errMoved)
		}
	case <-time.After(deadline):
		t.Fatal("the copy blocks on a FIFO")
	}
}
