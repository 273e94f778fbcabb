package logs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestClean(t *testing.T) {
	for _, tc := range []struct{ name, line, want, coloured string }{
		{"text stays", "ready in 0.3 s — naïve 日本 🙂", "ready in 0.3 s — naïve 日本 🙂", ""},
		{"a tab stays", "\tat a.B.c(B.java:1)", "\tat a.B.c(B.java:1)", ""},
		{"a path of Windows stays", `C:\x1b\n`, `C:\x1b\n`, ""},
		{"colours are apart", "a \x1b[31mred\x1b[0m b", "a red b", "a \x1b[31mred\x1b[0m b\x1b[0m"},
		{"colours end with the line", "\x1b[1;38;5;208mred", "red", "\x1b[1;38;5;208mred\x1b[0m"},
		{"and once", "\x1b[32mINFO\x1b[m\x1b[0m", "INFO", "\x1b[32mINFO\x1b[m\x1b[0m"},
		{"of a progress bar the last state", " 10%\r 50%\r100%", "100%", ""},
		{"with what clears the line", "\x1b[2K 10%\r\x1b[2K\x1b[32m100%\x1b[0m\r", "100%", "\x1b[32m100%\x1b[0m"},
		{"the end of a line of Windows goes", "a\r\n", "a", ""},
		{"the cursor is not moved", "a\x1b[2J\x1b[H\x1b[?25lb\x1bc\x1b7\x1b(B", "ab", ""},
		{"a title is not set", "a\x1b]0;x\x07b\x1b]2;y\x1b\\c", "abc", ""},
		{"nor the clipboard", "a\x1b]52;c;cm0gLXJm\x07b", "ab", ""},
		{"nor a device asked", "a\x1bP+q544e\x1b\\b\x1b[c\x1b_x\x1b\\", "ab", ""},
		{"a link is its text", "\x1b]8;;http://x/\x1b\\here\x1b]8;;\x1b\\", "here", ""},
		{"a sequence that is cut is written out", "a\x1b[31", `a\x1b[31`, ""},
		{"a string without its end too", "a\x1b]0;x", `a\x1b]0;x`, ""},
		{"what is left does not make another", "\x1b\x1b[K[31mx", `\x1b[31mx`, ""},
		{"what looks like a colour is none", "\x1b[>4;1mx\x1b[?1mx\x1b[1 mx", "xxx", ""},
		{"broken UTF-8 is written out", "a\xff\xc3b", `a\xff\xc3b`, ""},
		{"controls of eight bits are written out", "\u009b2J\x9b2J", `\u009b2J\x9b2J`, ""},
		{"in colours too", "\x1b[31ma\u202e\u009b2J\a", `a\u202e\u009b2J\x07`, "\x1b[31ma\\u202e\\u009b2J\\x07\x1b[0m"},
		{"text does not turn round", "a\u202eb\u2066", `a\u202eb\u2066`, ""},
		{"what cannot be seen is written out", "a\u200b\ufeff\u2028", `a\u200b\ufeff\u2028`, ""},
		{"beyond sixteen bits too", "\U000e0041", `\U000e0041`, ""},
		{"the replacement character itself stays", "\ufffd", "\ufffd", ""},
		{"zeros are written out", "a\x00\x7f", `a\x00\x7f`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, coloured := Clean(tc.line); got != tc.want || coloured != tc.coloured {
				t.Errorf("Clean(%q) = %q, %q, want %q, %q", tc.line, got, coloured, tc.want, tc.coloured)
			}
		})
	}
}

var colours = regexp.MustCompile("\x1b\\[[0-9;:]*m")

func FuzzClean(f *testing.F) {
	for _, seed := range []string{
		"", "plain", "\x1b[2J", "\xff\xfe", "a\r\nb", "\u202e", "\x00", "é\xc3", "\x1b[31mred", "\x1b\x1b[31m[2J", "\x1b]0;\x1b[31m", "a\rb\x1b[0m",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, coloured := Clean(line)
		if bare := colours.ReplaceAllString(coloured, ""); coloured != "" && (bare != got || !strings.HasSuffix(coloured, plain)) {
			t.Errorf("Clean(%q) = %q, and in colours %q", line, got, coloured)
		}
		if !utf8.ValidString(got) {
			t.Errorf("Clean(%q) = %q, which is no UTF-8", line, got)
		}
		for _, c := range got {
			if c != '\t' && (!unicode.IsGraphic(c) || unicode.IsControl(c)) {
				t.Errorf("Clean(%q) has %q in it", line, c)
			}
		}
		if again, _ := Clean(got); again != got {
			t.Errorf("Clean(%q) = %q, and once more %q", line, got, again)
		}
		if _, again := Clean(coloured); again != coloured {
			t.Errorf("Clean(%q) = %q in colours, and once more %q", line, coloured, again)
		}
	})
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	var all []string
	for n := range 3000 {
		all = append(all, strings.TrimSuffix(line(n), "\n"))
	}
	for _, tc := range []struct {
		name, text string
		n          int
		want       []string
	}{
		{"of an empty file", "", 3, nil},
		{"of fewer lines than asked for", "a\nb\n", 3, []string{"a", "b"}},
		{"of more", "a\nb\nc\n", 2, []string{"b", "c"}},
		{"of one that is not finished", "a\nb", 1, []string{"b"}},
		{"with empty lines", "a\n\n\n", 2, []string{"", ""}},
		{"none asked for", "a\n", 0, nil},
		{"of a file longer than one look", strings.Join(all, "\n") + "\n", 2500, all[500:]},
		{"of a whole file longer than one look", strings.Join(all, "\n") + "\n", 1 << 30, all},
		{"with what a terminal would obey", "\x1bca\x1b[\n", 1, []string{`a\x1b[`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			must(t, os.WriteFile(path, []byte(tc.text), 0o644))
			got, err := Tail(path, tc.n)
			if d := cmp.Diff(tc.want, got); err != nil || d != "" {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
	must(t, os.WriteFile(path, []byte(strings.Repeat("x", 2*maxTail)), 0o644))
	got, err := Tail(path, 1)
	if err != nil || len(got) > 1 || len(got) == 1 && len(got[0]) > maxTail {
		t.Errorf("of a line that is too long: %d lines, %v", len(got), err)
	}
}

func TestTailOfABoundedFileStartsWithAWholeLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	var b strings.Builder
	for n := range 20_000 {
		b.WriteString(line(n))
	}
	must(t, os.WriteFile(path, []byte(b.String()), 0o644))
	f, err := Open(path)
	must(t, err)
	defer f.Close()
	must(t, Bound(f, 256<<10))
	if got := used(t, path); got > 512<<10 {
		t.Skipf("this filesystem makes no holes: %d bytes", got)
	}
	got, err := Tail(path, 1<<30)
	must(t, err)
	if len(got) < 400 || got[len(got)-1]+"\n" != line(19_999) {
		t.Fatalf("%d lines, to %q", len(got), got[len(got)-1])
	}
	if first := 20_000 - len(got); got[0]+"\n" != line(first) {
		t.Errorf("begins with %q, want line %d", got[0], first)
	}
	if info, err := f.Stat(); err != nil || info.Size() != int64(b.Len()) {
		t.Errorf("its size is %d, want %d", info.Size(), b.Len())
	}
}

func TestTrace(t *testing.T) {
	lines := func(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }
	plain := `Exception in thread "main" java.lang.IllegalStateException: no database
	at com.example.Person.main(Person.java:12)
	at java.base/java.lang.Thread.run(Thread.java:840)
`
	nested := `2026-01-01 12:00:00 ERROR [main] c.e.Application: cannot start
org.springframework.beans.factory.BeanCreationException: Error creating bean 'a'
with a message of more lines;
  indented too
	at org.springframework.A.<init>(A.java:1) ~[spring.jar!/:6.0]
	at app//com.example.B$$Lambda$14/0x0000000800c03000.run(Unknown Source)
	Suppressed: java.io.IOException: while closing
		at java.base/java.io.X.close(X.java:2)
		... 3 more
Caused by: java.net.ConnectException: Connection refused
to two hosts
	at java.base/sun.nio.ch.Net.connect(Native Method)
	... 12 common frames omitted
Caused by: java.lang.Error
	at a.b.c(D.java)
`
	for _, tc := range []struct {
		name string
		in   []string
		want []string
	}{
		{"nothing of nothing", nil, nil},
		{"a trace whole, without what came before", lines("starting\nlistening\n" + plain), lines(plain)},
		{"the last of two", lines(plain + "going on\n" + strings.ReplaceAll(plain, "12", "99")), lines(strings.ReplaceAll(plain, "12", "99"))},
		{"causes, suppressed ones and messages of more lines, with the log line before", lines("starting\n" + nested), lines(nested)},
		{"what was said after it belongs to it", lines(plain + "exit 1\n"), lines(plain + "exit 1\n")},
		{"one that is long over is not why", append(lines(plain), slices.Repeat([]string{"request"}, 50)...), slices.Repeat([]string{"request"}, lastLines)},
		{"without a trace the last lines", lines("a\nb\nnginx: [emerg] host not found in upstream\n"), lines("a\nb\nnginx: [emerg] host not found in upstream\n")},
		{"a trace whose head is cut off", lines("\tat a.B.c(D.java:1)\n\tat a.B.d(D.java:2)\n"), lines("\tat a.B.c(D.java:1)\n\tat a.B.d(D.java:2)\n")},
		{"one that begins with its cause", lines("Caused by: a.B: c\n\tat a.B.c(D.java:1)\n"), lines("Caused by: a.B: c\n\tat a.B.c(D.java:1)\n")},
		{"a JVM that finds no class", lines("Error: Could not find or load main class X\nCaused by: java.lang.ClassNotFoundException: X\n"),
			lines("Error: Could not find or load main class X\nCaused by: java.lang.ClassNotFoundException: X\n")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Trace(tc.in)
			if len(got) == 0 {
				got = nil
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"1", "2", "9", "10", "11", "frontend-12", "notes"} {
		must(t, os.MkdirAll(filepath.Join(dir, name, "sub"), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(dir, "3"), nil, 0o644))
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "canary"), nil, 0o644))
	must(t, os.Symlink(outside, filepath.Join(dir, "2", "out")))
	must(t, os.Symlink(outside, filepath.Join(dir, "0")))
	must(t, Prune(dir, 2, map[string]bool{"1": true}))
	left := map[string]bool{}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		left[e.Name()] = true
	}
	want := []string{"0", "1", "11", "3", "frontend-12", "notes"}
	if got := slices.Sorted(maps.Keys(left)); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	if _, err := os.Stat(filepath.Join(outside, "canary")); err != nil {
		t.Errorf("what a link leads to: %v", err)
	}
	must(t, Prune(filepath.Join(dir, "none"), 2, nil))
}
