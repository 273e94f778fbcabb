package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRecentFiles(t *testing.T) {
	for name, test := range map[string]struct {
		runs  string
		sees  []string // one scan after the other, as in the decider's stories
		want  string
		quiet bool // the last scan found no change
	}{
		"before any change it is the JAR that is run":                         {"b.jar", []string{"a.jar:1:v1 b.jar:1:v1 c.yml:1:v1"}, "b.jar", true},
		"of several JARs it is the newest":                                    {"", []string{"a.jar:1:v1 b.jar:1:v2 touched c.yml:1:v1"}, "a.jar", true},
		"without a JAR it is some file":                                       {"", []string{"a:1:v1 b:1:v1 c:1:v1"}, "a", true},
		"of few files all are":                                                {"*", []string{"a.jar:1:v1 c.yml:1:v1"}, "a.jar c.yml", true},
		"of no file none is":                                                  {"*", []string{""}, "", true},
		"a JAR to run that is not there is waited for":                        {"b.jar", []string{"a.txt:1:v1 b.txt:1:v1 c.txt:1:v1"}, "b.jar", true},
		"a file that changed comes before the JAR":                            {"*", []string{"a.jar:1:v1 b:1:v1 c:1:v1", "a.jar:1:v1 b:1:v1 c:2:v2"}, "c a.jar", false},
		"the newest change comes first":                                       {"*", []string{"a.jar:1:v1 b:1:v1 c:1:v1", "a.jar:1:v1 b:1:v1 c:2:v2", "a.jar:1:v1 b:2:v2 c:2:v2"}, "b c a.jar", false},
		"no more than four are, JARs first":                                   {"", []string{"a:1:v1", "a:2:v2 b:1:v1 c:1:v1 d:1:v1 e:1:v1 f.jar:1:v1"}, "f.jar a b c", false},
		"a file that changed recently and is gone stays so, for it will come": {"", []string{"a:1:v1 b:1:v1 c:1:v1", "a:1:v1 b:2:v2 c:1:v1", "a:1:v1 c:1:v1 d:1:v1"}, "d b a", false},
	} {
		t.Run(name, func(t *testing.T) {
			var h recent
			last := parse(test.sees[0])
			changed := false
			for _, see := range test.sees[1:] {
				now := parse(see)
				changed = h.note(last, now)
				last = now
			}
			if got := strings.Join(h.pick(test.runs, last), " "); got != test.want || changed == test.quiet {
				t.Errorf("picked are %q (changed: %v), want %q", got, changed, test.want)
			}
		})
	}
}

func TestAFolderInWhichOthersWriteIsNotChecked(t *testing.T) {
	checked := func(h *recent, seen snapshot) bool {
		return slices.ContainsFunc(h.paths("/host/app", "*", seen), func(p knownPath) bool { return p.name == "/host/app" })
	}
	var h recent
	seen := parse("a.jar:1:v1")
	for i := range maxNoise {
		if !checked(&h, seen) {
			t.Fatalf("not checked after %d scans that found no artefact changed", i)
		}
		next := seen
		next.folder.mtime.sec++
		h.note(seen, next)
		seen = next
	}
	if checked(&h, seen) {
		t.Error("checked however often it changes")
	}
	h.note(seen, seen)
	if !checked(&h, seen) {
		t.Error("not checked although it has come to rest")
	}
}

func TestAPathChangesWhenItComesGoesOrIsWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.jar")
	s := knownPath{name: name}
	check := func(what string, want bool) {
		t.Helper()
		if s.changed() != want {
			t.Errorf("%s: changed is %v, want %v", what, !want, want)
		}
		st, err := stat(unix.AT_FDCWD, name, true)
		s.known = st.fingerprint
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	check("absent as before", false)
	write(t, name, []byte("one"))
	check("new", true)
	check("as before", false)
	must(t, os.Chtimes(name, time.Time{}, time.Now().Add(-time.Hour)))
	check("touched", true)
	write(t, name+".new", []byte("two"))
	must(t, os.Rename(name+".new", name))
	check("replaced", true)
	must(t, os.Remove(name))
	check("gone", true)
	s.name = strings.Repeat("x", 5000)
	if !s.changed() {
		t.Error("what cannot be looked at is taken for unchanged")
	}
}
