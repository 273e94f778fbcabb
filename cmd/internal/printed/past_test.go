package printed

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// backwards reads all that there is, the newest first, in pieces of so many lines.
func backwards(t *testing.T, p Past, most int, bytes int64) (lines []string, hidden, pieces int) {
	t.Helper()
	p.Most, p.Bytes = most, bytes
	for cursor := ""; ; pieces++ {
		piece, err := p.Before(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		if len(piece.Lines) > most {
			t.Fatalf("%d lines in a piece, at most %d are wanted", len(piece.Lines), most)
		}
		var texts []string
		for _, l := range piece.Lines {
			texts = append(texts, l.Generation+" "+l.File+": "+l.Text)
		}
		lines = append(texts, lines...)
		hidden += piece.Hidden
		if piece.Next == "" {
			return lines, hidden, pieces + 1
		}
		cursor = piece.Next
	}
}

func TestThePastIsReadBackwardsOverGenerationsEachLineOnce(t *testing.T) {
	s := newShelf(t)
	var want []string
	for g := 1; g <= 3; g++ {
		var b strings.Builder
		for n := range 400 {
			line := fmt.Sprintf("%d %s", n, strings.Repeat("=", n%83))
			b.WriteString(line + "\n")
			want = append(want, fmt.Sprintf("frontend-%d : %s", g, line))
		}
		s.write(s.out("frontend", g), b.String(), 10-g)
	}
	s.write(s.out("frontend", 3), "without an end", 6)
	want = append(want, "frontend-3 : without an end")
	for _, most := range []int{1, 7, 1000, 5000} {
		for _, bytes := range []int64{1, 64 << 10, 64 << 20} {
			if most == 1 && bytes == 1 {
				continue // as the next, and slow
			}
			got, _, _ := backwards(t, Past{Reader: Reader{Logs: s.dir, Services: []string{"frontend"}}}, most, bytes)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%d lines, %d bytes (-want +got):\n%s", most, bytes, diff)
			}
		}
	}
}

func TestThePastOfSeveralServicesIsInTheOrderOfTime(t *testing.T) {
	s := newShelf(t)
	s.write(s.out("a", 1), "1\n3\n5\n", 1)
	s.write(s.out("b", 7), "2\n4\n6\n", 1)
	s.write(s.copy("b", 7, "/log/access.log"), "0\n7\n", 1)
	begun := time.Now().Add(-time.Hour)
	// The text says when it was printed.
	when := func(generation, file string, offset int64) time.Time {
		at := map[string]map[int64]int{
			"a-1": {2: 1, 4: 3, 6: 5}, "b-7": {2: 2, 4: 4, 6: 6}, "b-7/access.log": {2: 0, 4: 7},
		}[strings.TrimSuffix(generation+"/"+file, "/")]
		return begun.Add(time.Duration(at[offset]) * time.Second)
	}
	for most := 1; most < 9; most++ {
		lines, _, _ := backwards(t, Past{Reader: Reader{Logs: s.dir, Services: []string{"a", "b"}}, When: when}, most, 1<<20)
		var got []string
		for _, l := range lines {
			got = append(got, l[len(l)-1:])
		}
		if text := strings.Join(got, ""); text != "01234567" {
			t.Errorf("in pieces of %d: %s", most, text)
		}
	}
}

func TestThePastSaysHowMuchAFilterHides(t *testing.T) {
	s := newShelf(t)
	var b strings.Builder
	for n := range 50_000 {
		b.WriteString("2026-11-29 INFO line " + strconv.Itoa(n) + "\n")
	}
	b.WriteString("2026-11-29 ERROR it broke\njava.lang.IllegalStateException: boom\n\tat a.B.c(B.java:1)\nCaused by: x.Y: z\n2026-11-29 INFO on\n")
	s.write(s.out("frontend", 1), b.String(), 1)
	p := Past{Reader: Reader{Logs: s.dir, Services: []string{"frontend"}}, Wanted: func(_ string, level func() string) bool { return AtLeast(level(), "warn") }}
	got, hidden, pieces := backwards(t, p, 100, 256<<10)
	want := []string{
		"frontend-1 : 2026-11-29 ERROR it broke", "frontend-1 : java.lang.IllegalStateException: boom",
		"frontend-1 : \tat a.B.c(B.java:1)", "frontend-1 : Caused by: x.Y: z",
	}
	if diff := cmp.Diff(want, got); diff != "" || hidden != 50_001 {
		t.Errorf("%d are hidden; (-want +got):\n%s", hidden, diff)
	}
	if pieces < 4 {
		t.Errorf("read in %d pieces, which are bounded", pieces)
	}
}

func TestATraceThatAWindowCutsHasTheLevelOfItsLine(t *testing.T) {
	s := newShelf(t)
	s.write(s.out("frontend", 1), "ERROR it broke\n"+strings.Repeat("\tat a.B.c(B.java:1)\n", 600), 1)
	p := Past{Reader: Reader{Logs: s.dir, Services: []string{"frontend"}}, Wanted: func(_ string, level func() string) bool { return level() == "error" }}
	if got, hidden, _ := backwards(t, p, 50, 4<<10); len(got) != 601 || hidden != 0 {
		t.Errorf("%d lines, and %d hidden", len(got), hidden)
	}
}

func TestACursorThatIsNone(t *testing.T) {
	p := Past{Reader: Reader{Logs: t.TempDir(), Services: []string{"frontend"}}, Most: 1, Bytes: 1}
	for _, cursor := range []string{"x", "!", "e30x", "bnVsbA"} {
		piece, err := p.Before(t.Context(), cursor)
		if err == nil && (len(piece.Lines) > 0 || piece.Next != "") {
			t.Errorf("%q leads to %+v", cursor, piece)
		}
	}
}

func TestLevels(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-29 05:30:00.123  INFO 4711 --- [main] a.B : started": "info",
		"WARN  [2026-11-29 05:30:00,123] io.dropwizard: x":            "warn",
		"[main] ERROR a.B - boom":                                     "error",
		"SEVERE: boom":                                                "error",
		"FINE: detail":                                                "debug",
		`{"@timestamp":"x","level":"WARN","message":"INFO"}`:          "warn",
		"ts=1 level=debug msg=x":                                      "debug",
		"2026/11/29 05:30:00 [emerg] 1#1: host not found":             "fatal",
		`Exception in thread "main" java.lang.Error: x`:               "error",
		"java.lang.IllegalStateException: x":                          "error",
		"nothing to see":                                              "",
		"INFORMATION about ERRORS":                                    "",
		"GET /INFO 200":                                               "",
	} {
		if got := new(Levels).Of(text); got != want {
			t.Errorf("%q tells %q, want %q", text, got, want)
		}
	}
}
