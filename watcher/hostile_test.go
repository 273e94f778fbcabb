package watcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hostile are bad things that the other side can put into a service's folder.
var hostile = []struct {
	name string
	make func(t *testing.T, dir string)
	want []string
}{
	{"a FIFO under a JAR's name", func(t *testing.T, dir string) {
		must(t, unix.Mkfifo(filepath.Join(dir, "b.jar"), 0o644))
	}, []string{"b.jar", "is a FIFO", "put a regular file"}},
	{"a folder under a JAR's name", func(t *testing.T, dir string) {
		must(t, os.Mkdir(filepath.Join(dir, "b.jar"), 0o755))
	}, []string{"b.jar", "is a folder"}},
	{"a socket under a JAR's name", func(t *testing.T, dir string) {
		must(t, unix.Mknod(filepath.Join(dir, "b.jar"), unix.S_IFSOCK|0o644, 0))
	}, []string{"b.jar", "is a socket"}},
	{"a device under a JAR's name", func(t *testing.T, dir string) {
		must(t, unix.Mknod(filepath.Join(dir, "b.jar"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))))
	}, []string{"b.jar", "is a device"}},
	{"a link to /etc/passwd", func(t *testing.T, dir string) {
		must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "b.jar")))
	}, []string{"b.jar", "is a link", "put the file itself there"}},
	{"a block device under a JAR's name", func(t *testing.T, dir string) {
		must(t, unix.Mknod(filepath.Join(dir, "b.jar"), unix.S_IFBLK|0o644, int(unix.Mkdev(7, 200))))
	}, []string{"b.jar", "is a device"}},
	{"a link to itself", func(t *testing.T, dir string) {
		must(t, os.Symlink("b.jar", filepath.Join(dir, "b.jar")))
	}, []string{"b.jar", "is a link"}},
	{"a link to /etc/shadow by dots", func(t *testing.T, dir string) {
		must(t, os.Symlink("../../../../../../../../etc/shadow", filepath.Join(dir, "b.yml")))
	}, []string{"b.yml", "is a link"}},
	{"a link to a folder", func(t *testing.T, dir string) {
		must(t, os.Symlink("/etc", filepath.Join(dir, "conf")))
	}, []string{"conf", "is a link"}},
	{"a second hard link", func(t *testing.T, dir string) {
		other := filepath.Join(dir, "..", "secret")
		write(t, other, []byte("secret"))
		must(t, os.Link(other, filepath.Join(dir, "b.yml")))
	}, []string{"b.yml", "hard link", "put a copy there"}},
	{"a name with a newline", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "b\nlive: b.yml"), nil)
	}, []string{`"b\nlive: b.yml"`, "unprintable", "rename it"}},
	{"a name with escape codes", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "b\x1b[2J.yml"), nil)
	}, []string{`"b\x1b[2J.yml"`, "unprintable"}},
	{"a name that turns the text around", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "b\u202egpj.jar"), jar(t, "x"))
	}, []string{`"b\u202egpj.jar"`, "unprintable"}},
	{"a name with a leading dash", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "-rf.yml"), nil)
	}, []string{`"-rf.yml"`, "dash"}},
	{"a name that is not UTF-8", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "b\xff.yml"), nil)
	}, []string{`"b\xff.yml"`, "UTF-8"}},
	{"a folder with a newline in its name", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "a\nb", "c.yml"), nil)
	}, []string{`"a\nb"`, "unprintable"}},
	{"folders without end", func(t *testing.T, dir string) {
		must(t, os.MkdirAll(filepath.Join(dir, strings.Repeat("d/", maxDepth+1)), 0o755))
	}, []string{"d/d/d", "deep"}},
	{"more bytes than any service has", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "b.img"), nil)
		must(t, os.Truncate(filepath.Join(dir, "b.img"), maxBytes))
	}, []string{"more than 4 GiB", "b.img"}},
}

// TestHostileFilesAreRefused puts one bad thing beside a good JAR, on a share
// and off it, and wants one line that names it and what to do.
func TestHostileFilesAreRefused(t *testing.T) {
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if os.Geteuid() != 0 {
				t.Skip("devices need root")
			}
			root := t.TempDir()
			dir := filepath.Join(root, "volume-app")
			write(t, filepath.Join(dir, "app.jar"), jar(t, "text"))
			test.make(t, dir)
			r := start(t, root, func(o *Options, _ *Service) { o.Patience = 50 * time.Millisecond })
			contains(t, r.refused(), test.want...)
		})
	}
}

func TestFilesWithoutEndAreRefused(t *testing.T) {
	var s scanner
	for i := range maxFiles + 5 {
		s.add(entry{name: fileName(i)})
	}
	contains(t, s.problem, "more than 10000 files", "narrow")
	if len(s.entries) != maxFiles {
		t.Errorf("%d are kept, want %d", len(s.entries), maxFiles)
	}
}

func TestNamesWithoutEndAreRefused(t *testing.T) {
	root := t.TempDir()
	for i := range 20 {
		write(t, filepath.Join(root, fileName(i)), nil)
	}
	f, err := os.Open(root)
	must(t, err)
	defer f.Close()
	s := scanner{how: how{beat: func() {}}, left: 10}
	names, err := s.names(t.Context(), f)
	must(t, err)
	contains(t, s.problem, "more than", "names")
	if len(names) > 10 {
		t.Errorf("%d names are kept, want at most 10", len(names))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOddNamesThatHarmNobodyAreTaken(t *testing.T) {
	root := t.TempDir()
	long := strings.Repeat("x", 251) + ".yml"
	want := map[string][]byte{"app.jar": jar(t, "text"), "$(reboot).yml": nil, "a b ü.yml": nil, long: nil, "..a": nil}
	for name, data := range want {
		write(t, filepath.Join(root, "volume-app", name), data)
	}
	has(t, start(t, root).ready(), want)
}

func TestAServiceFolderThatIsALinkIsNotFollowed(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "app.jar"), jar(t, "outside"))
	must(t, os.Symlink(outside, filepath.Join(root, "volume-app")))
	r := start(t, root)
	must(t, r.w.Resend())
	contains(t, r.next(Refused).Reason, root, "link")
}

// TestNothingOutsideIsReadWhileFoldersAreExchanged lets the other side put a
// link in the place of a folder and back, over and over, during copies.
func TestNothingOutsideIsReadWhileFoldersAreExchanged(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	secret := []byte("the secret of another")
	write(t, filepath.Join(outside, "a.yml"), secret)
	write(t, filepath.Join(root, "conf", "a.yml"), []byte("inside"))
	must(t, os.Symlink(outside, filepath.Join(root, "link")))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var exchanges atomic.Int64
	exchanged := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			exchanges.Add(1)
			if err := unix.Renameat2(unix.AT_FDCWD, filepath.Join(root, "conf"), unix.AT_FDCWD, filepath.Join(root, "link"), unix.RENAME_EXCHANGE); err != nil {
				exchanged <- err
				return
			}
		}
		exchanged <- nil
	}()
	h := how{enter: func(string) {}, beat: func() {}}
	status, err := stat(unix.AT_FDCWD, filepath.Join(outside, "a.yml"), false)
	must(t, err)
	store := t.TempDir()
	const rounds = 3000
	copied := 0
	for round := 0; round < rounds || exchanges.Load() < rounds; round++ {
		fd, err := place{root, root}.open()
		must(t, err)
		seen, err := scan(t.Context(), fd, h)
		must(t, err)
		// And as if a scan had been led outside: only the way to the file is
		// left to keep the copy from it.
		seen.entries = append(seen.entries, entry{"conf/a.yml", status.fingerprint}, entry{"link/a.yml", status.fingerprint})
		for _, e := range seen.entries {
			into := filepath.Join(store, "set")
			must(t, errors.Join(os.RemoveAll(into), os.Mkdir(into, 0o700)))
			_, err := copyFiles(t.Context(), fd, []entry{e}, into, h)
			if err != nil && !errors.Is(err, errMoved) {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(into, e.name)); err == nil && bytes.Contains(got, secret) {
				t.Fatal("bytes from outside were copied")
			} else if err == nil && len(got) > 0 {
				copied++
			}
		}
		unix.Close(fd)
	}
	cancel()
	must(t, <-exchanged)
	if copied == 0 {
		t.Errorf("%d exchanges and not one file copied prove nothing", exchanges.Load())
	}
	t.Logf("%d files copied from inside in %d rounds, through %d exchanges", copied, rounds, exchanges.Load())
}

func TestPatternsSayWhichFilesAndFoldersAreRead(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a.jar", "a.txt", "conf/a.yml", "conf/b.txt", "conf/deep/a.yml", "other/a.yml"} {
		write(t, filepath.Join(root, name), nil)
	}
	for patterns, want := range map[string]string{
		"":                 "a.jar a.txt conf/a.yml conf/b.txt conf/deep/a.yml other/a.yml | . conf conf/deep other",
		"*.jar":            "a.jar | .",
		"*":                "a.jar a.txt | .",
		"*.jar conf/*.yml": "a.jar conf/a.yml | . conf",
		"*/*.yml":          "conf/a.yml other/a.yml | . conf other",
		"conf/*/*":         "conf/deep/a.yml | . conf conf/deep",
	} {
		m, err := newMatcher(strings.Fields(patterns), nil)
		must(t, err)
		var names, folders []string
		fd, err := place{root, root}.open()
		must(t, err)
		seen, err := scan(t.Context(), fd, how{match: m, beat: func() {}, enter: func(f string) { folders = append(folders, filepath.Clean(f)) }})
		unix.Close(fd)
		must(t, err)
		for _, e := range seen.entries {
			names = append(names, e.name)
		}
		if got := strings.Join(names, " ") + " | " + strings.Join(folders, " "); got != want || seen.problem != "" {
			t.Errorf("%q: %s (%s), want %s", patterns, got, seen.problem, want)
		}
	}
}

// BenchmarkIdlePoll is one look at 2,000 files that have not changed.
func BenchmarkIdlePoll(b *testing.B) {
	root := b.TempDir()
	for i := range 2000 {
		write(b, filepath.Join(root, fmt.Sprintf("d%d", i%20), fileName(i)), nil)
	}
	h := how{match: matcher{tools: true}, enter: func(string) {}, beat: func() {}, fresh: true}
	var last snapshot
	for b.Loop() {
		fd, err := place{root, root}.open()
		if err != nil {
			b.Fatal(err)
		}
		seen, err := scan(b.Context(), fd, h)
		unix.Close(fd)
		if err != nil || len(seen.entries) != 2000 || last.entries != nil && !seen.equal(last) {
			b.Fatalf("%d files, %v", len(seen.entries), err)
		}
		last = seen
	}
}
