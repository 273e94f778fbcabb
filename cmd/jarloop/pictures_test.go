package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/picture"
)

// pictured says what is to be done with the pictures of the README: "draw"
// draws them anew, else they are compared with what the program shows.
var pictured = os.Getenv("JARLOOP_PICTURES")

// TestTheREADMEShowsWhatIsSeen does what a developer does, on a terminal, and
// holds what is seen against the pictures of the README.
func TestTheREADMEShowsWhatIsSeen(t *testing.T) {
	s := newSystem(t, true)
	// Else it is told that this was turned on, on machines where it is off.
	if out, err := s.VM(s.ctx, "sysctl", "-qw", "net.ipv4.ip_forward=1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.gradle("buildJar")
	w := s.newScreen("agent")

	w.enter("agent", "jarloop run")
	w.settled()
	w.entitled("agent", "jarloop: all 6 live")
	s.appendTo(personSource, "\n// changed\n")
	s.gradle(":person:buildJar")
	w.shows("agent", 0, "person", "retired", "person-1")
	w.settled()
	rows := w.rows("agent")
	pictures := []drawing{{
		"run", "jarloop run brings up six services, and then a new build of one of them within a second.",
		picture.Screen{Title: w.title("agent"), Rows: rows},
	}}

	s.edit(personSource, map[string]string{
		"public static void main(String[] args) {": "public static void main(String[] args) {\n        if (true) throw new IllegalStateException(\"no database\");",
	})
	s.gradle(":person:buildJar")
	w.shows("agent", len(rows), "person", "FAILED", "person-2 still serves")
	w.shows("agent", len(rows), "person", "kept", "jarloop enter person --failed")
	w.entitled("agent", "jarloop: person failed")
	pictures = append(pictures, drawing{
		"failure", "A build of person whose main method throws: jarloop shows the stack trace and goes on with the generation before.",
		picture.Screen{Title: w.title("agent"), Rows: w.rows("agent")[len(rows):]},
	})

	w.open("other")
	w.enter("other", "jarloop status")
	w.shows("other", 0, "agent ", "process ", "watches ")
	w.prompted("other")
	pictures = append(pictures, drawing{
		"status", "jarloop status: a table of the six services. Of person it says that the newest files have failed, and why.",
		picture.Screen{Title: w.title("other"), Rows: withoutPrompt(w.rows("other"))},
	})

	s.interrupted(w, len(w.rows("agent")))
	for _, p := range pictures {
		p.screen.Rows = s.anywhere(p.screen.Rows)
		t.Run(p.name, p.check)
	}
}

// interrupted ends the agent as a developer does, and looks at what is left.
func (s *system) interrupted(w *screen, below int) {
	s.t.Helper()
	w.tmux("send-keys", "-t", "vm:agent", "C-c")
	w.prompted("agent")
	rows := w.rows("agent")[below-1:]
	if last := rows[len(rows)-2].String(); !regexp.MustCompile(`^\d\d:\d\d:\d\d +jarloop  stopped; what is live goes on serving$`).MatchString(last) {
		s.t.Errorf("its last words are %q", last)
	}
	w.entitled("agent", "root@vm")
	w.enter("agent", "echo exited with $?")
	w.shows("agent", below, "exited with 0")
	if _, err := s.agentStatus(); err == nil {
		s.t.Error("an agent still answers")
	}
	if a, err := s.get(&http.Client{Transport: s.Client(false).Transport, Timeout: 10 * time.Second}, "/api"); err != nil {
		s.t.Errorf("what was live does not serve: %v, %v", a, err)
	}
}

// anywhere is rows without what is of this machine and this build alone.
func (s *system) anywhere(rows []picture.Row) []picture.Row {
	s.t.Helper()
	version := strings.TrimPrefix(strings.TrimSpace(s.output("version")), "jarloop ")
	by := strings.NewReplacer(s.Host, "/host", version, "(devel)", "fuse.bindfs", "fuse")
	var all []picture.Row
	for _, row := range rows {
		row = slices.Clone(row)
		for i := range row {
			row[i].Text = by.Replace(row[i].Text)
		}
		all = append(all, row)
	}
	return all
}

// drawing is one picture of the README.
type drawing struct {
	name, about string
	screen      picture.Screen
}

func (d drawing) check(t *testing.T) {
	file := filepath.Join("../../docs", d.name+".svg")
	if pictured == "draw" {
		if err := os.WriteFile(file, []byte(d.screen.SVG(d.about, screenColumns)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(svg) > 100_000 {
		t.Errorf("%s has %d bytes", file, len(svg))
	}
	drawn, err := picture.Read(string(svg))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	then, now := kinds(drawn), kinds(d.screen)
	if gone, fresh := without(then, now), without(now, then); gone != "" || fresh != "" {
		t.Errorf("docs/%s.svg is out of date: make pictures draws it anew.\nIt has these kinds of lines, which are seen no more:\n%sand not these, which are seen:\n%s", d.name, gone, fresh)
	}
}

// without gives the lines that are not among others.
func without(lines, others []string) string {
	text := ""
	for _, line := range lines {
		if !slices.Contains(others, line) {
			text += "\t" + line + "\n"
		}
	}
	return text
}

// kinds gives the kinds of lines on a screen, sorted, each once: how services
// come up side by side, and how often they are asked, is another each time.
func kinds(s picture.Screen) []string {
	all := []string{"title: " + s.Title}
	for _, row := range s.Rows {
		all = append(all, kind(row))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// differing things of a line, and what stands for them. A style is written as
// <style>…</>.
var anyOf = func() (masks []mask) {
	names := "(?:" + strings.Join(sample, "|") + ")"
	for _, m := range [][2]string{
		{`<[a-z-]+>` + names + ` *( │)?</>`, "SERVICE$1"},
		{`\b` + names + `-\d+\b`, "GENERATION"},
		{`\b` + names + `(?:, ` + names + `)*\b`, "SERVICES"},
		{`\b1-[0-9a-f]{6}\b`, "BUILD"},
		{`\b[0-9a-f]{8}\b`, "SET"},
		{`[\w.]+ \([\d.]+ k?B\)(?:, [\w.]+ \([\d.]+ k?B\))*`, "FILES"},
		{`(\d+\.\d\d s) \([^)]*\)`, "$1 (STEPS)"},
		{`(?:\d+h)?(?:\d+m)?\d+s\b`, "AGE"},
		{`GET /\w*`, "GET PATH"},
		{`\d+(?:\.\d+)*`, "0"},
		{` {2,}`, "  "},
	} {
		masks = append(masks, mask{regexp.MustCompile(m[0]), m[1]})
	}
	return masks
}()

type mask struct {
	what *regexp.Regexp
	by   string
}

func kind(row picture.Row) string {
	text := ""
	for _, span := range row {
		if span.Style == "" {
			text += span.Text
		} else {
			text += fmt.Sprintf("<%s>%s</>", span.Style, span.Text)
		}
	}
	for _, m := range anyOf {
		text = m.what.ReplaceAllString(text, m.by)
	}
	return text
}

func TestKindsOfLines(t *testing.T) {
	of := func(line string) string {
		rows, err := picture.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		return kind(rows[0])
	}
	live := "\x1b[2m15:51:31\x1b[0m \x1b[35mperson        \x1b[0m \x1b[1;32mlive    \x1b[0m person-1  b21e6233  10.0.3.136:8085  2.15 s (clone 0.37, prove 0.25)"
	for _, same := range []string{
		strings.NewReplacer("person        ", "authentication", "person-1", "authentication-12", "15:51", "08:00", "[35m", "[33m").Replace(live),
		strings.NewReplacer("b21e6233", "deadbeef", "10.0.3.136:8085", "10.0.3.9:80", "2.15 s (clone 0.37, ", "10.01 s (wait for needs 1.2, ").Replace(live),
	} {
		if of(same) != of(live) {
			t.Errorf("of different kinds:\n%s\n%s", of(same), of(live))
		}
	}
	for _, other := range [][2]string{
		{"live    ", "alive   "}, {"[1;32m", "[1;31m"}, {"[1;32m", "[32m"}, {"[2m", "[0m"}, {"person-1  ", ""}, {"  10.0.3.136:8085", " at 10.0.3.136:8085"},
		{" s (", " s, "}, {"2.15 s", "2150 ms"}, {"person-1", "person"}, {"b21e6233", "b21e62"},
	} {
		if changed := replace(t, live, map[string]string{other[0]: other[1]}); of(changed) == of(live) {
			t.Errorf("of the same kind though %q is %q: %s", other[0], other[1], of(live))
		}
	}
}
