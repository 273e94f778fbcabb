package main

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheREADMEShowsWhatIsSeen does what a developer does, on a terminal, and
// holds what is seen against the pictures of the README.
func TestTheREADMEShowsWhatIsSeen(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the lab needs root, for containers and namespaces")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute) // another lab may stand that long
	defer cancel()
	pictures, err := play(ctx, "../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(pictures) != 5 {
		t.Errorf("%d pictures", len(pictures))
	}
	for _, p := range pictures {
		if p.image != nil {
			t.Run(p.name, p.checkPage)
		} else {
			t.Run(p.name, p.check)
		}
	}
}

func (p picture) check(t *testing.T) {
	file := p.file("../..")
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(svg) > 100_000 {
		t.Errorf("%s has %d bytes", file, len(svg))
	}
	drawn, err := read(string(svg))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	then, now := kinds(drawn), kinds(p.screen)
	if gone, fresh := without(then, now), without(now, then); gone != "" || fresh != "" {
		t.Errorf("docs/%s.svg is out of date: make pictures draws it anew.\nIt has these kinds of lines, which are seen no more:\n%sand not these, which are seen:\n%s", p.name, gone, fresh)
	}
}

// checkPage holds what the page says against what it said when its picture was taken.
func (p picture) checkPage(t *testing.T) {
	file := p.file("../..")
	image, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(image) > 150_000 {
		t.Errorf("%s has %d bytes", file, len(image))
	}
	then, err := outlineOf(image)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	before, now := outlined(then), outlined(p.outline)
	if gone, fresh := without(before, now), without(now, before); gone != "" || fresh != "" {
		t.Errorf("docs/%s.png is out of date: make pictures draws it anew.\nIt has these kinds of lines, which are seen no more:\n%sand not these, which are seen:\n%s", p.name, gone, fresh)
	}
}

var (
	// ages are how long something took or is ago.
	ages = regexp.MustCompile(`\b\d+(?:\.\d+)? (?:s|min|h|d)\b`)
	// steps are those that went well, and those with a shade of their own: which of
	// them take long is another each time.
	steps = regexp.MustCompile(`^(li|span\.key): [a-z_]+( [a-z_]+)*`)
)

// outlined gives the kinds of lines, each once.
func outlined(lines []string) []string {
	var all []string
	for _, line := range lines {
		if line != "span.key: other steps" {
			line = steps.ReplaceAllString(line, "$1: STEP")
		}
		all = append(all, kind(row{{Text: ages.ReplaceAllString(line, "AGE")}}))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestOutlined(t *testing.T) {
	before := outlined([]string{"span.key: clone", "span.key: other steps", "li: install 0.00 s", "li.failed: prove 0.13 s"})
	for _, same := range [][]string{
		{"span.key: settle", "span.key: other steps", "li: wait for needs 1.25 s", "li.failed: prove 12 s"},
		{"span.key: settle", "span.key: boot", "span.key: other steps", "li: before_deploy 3 s", "li: start 0.01 s", "li.failed: prove 2 min"},
	} {
		if now := outlined(same); !slices.Equal(now, before) {
			t.Errorf("%q are other kinds than %q", now, before)
		}
	}
	for _, other := range [][]string{
		{"span.key: clone", "li: install 0.00 s", "li.failed: prove 0.13 s"},
		{"span.key: clone", "span.key: other steps", "li: install", "li.failed: prove 0.13 s"},
		{"span.key: clone", "span.key: other steps", "li: install 0.00 s", "li.failed: start 0.13 s"},
	} {
		if now := outlined(other); slices.Equal(now, before) {
			t.Errorf("%q are taken for the same kinds", other)
		}
	}
}

func TestAPictureCarriesItsOutline(t *testing.T) {
	image, err := os.ReadFile("../../docs/page.png")
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"h1: All 0 serve", "button: “Roll back”"}
	with, err := withOutline(image, lines)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(with)); err != nil {
		t.Errorf("it is no picture any more: %v", err)
	}
	without := slices.Concat([]byte(signature), with[bytes.LastIndex(with, []byte("tEXt"))-4:])
	if got, err := outlineOf(without); err != nil || !slices.Equal(got, lines) {
		t.Errorf("the outline is %q, %v", got, err)
	}
	for _, bad := range [][]byte{nil, image[:5], []byte("GIF89a"), append([]byte(signature), 255, 255, 255, 255, 't', 'E', 'X', 't', 1, 2, 3, 4)} {
		if _, err := outlineOf(bad); err == nil {
			t.Errorf("%q has an outline", bad)
		}
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
func kinds(s screen) []string {
	all := []string{"title: " + s.Title}
	for _, row := range s.Rows {
		all = append(all, kind(row))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

var services = []string{"authentication", "authorisation", "frontend", "person", "session", "web"}

// differing things of a line, and what stands for them. A style is written as
// <style>…</>.
var anyOf = func() (masks []mask) {
	names := "(?:" + strings.Join(services, "|") + ")"
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

func kind(r row) string {
	text := ""
	for _, span := range r {
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
		rows, err := parse(line)
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
		if changed := strings.Replace(live, other[0], other[1], 1); changed == live || of(changed) == of(live) {
			t.Errorf("of the same kind though %q is %q: %s", other[0], other[1], of(live))
		}
	}
}
