package console

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/base"
)

// foreign is every way in which text of a share, a guest or a command comes to
// the console, and how many lines each is for a person and for a program.
var foreign = []struct {
	name            string
	tell            func(c *Console, text string)
	person, program int
}{
	{"said", func(c *Console, text string) { c.Say(text) }, 1, 1},
	{"a warning", func(c *Console, text string) { c.Warn("web", text) }, 1, 1},
	{"a change", func(c *Console, text string) { c.Changed("web", text) }, 1, 1},
	{"no change", func(c *Console, text string) { c.Same("web", text) }, 1, 1},
	{"a refusal", func(c *Console, text string) { c.Refused("web", text) }, 1, 1},
	{"a line", func(c *Console, text string) { c.Line(deployer.Line{Service: "web", Generation: "web-1", Text: text}) }, 1, 1},
	{"a line with colours", func(c *Console, text string) {
		c.Line(deployer.Line{Service: "web", Generation: "web-1", Text: text, Coloured: "a" + text})
	}, 1, 1},
	{"a line of a file", func(c *Console, text string) {
		c.Line(deployer.Line{Service: "web", Generation: "web-1", File: "a" + text, Text: text})
	}, 1, 1},
	{"a failure", func(c *Console, text string) {
		c.Event(deployer.Event{Kind: deployer.Failed, Service: "web", Reason: text, Tail: []string{text, text}})
	}, 3, 1},
	{"a death", func(c *Console, text string) {
		c.Event(deployer.Event{Kind: deployer.Died, Service: "web", Reason: text, Tail: []string{text}})
	}, 2, 1},
	{"an event", func(c *Console, text string) {
		c.Event(deployer.Event{Kind: deployer.Warning, Service: "web", Reason: text})
	}, 1, 1},
	{"a step of a build", func(c *Console, text string) {
		c.Progress(base.Progress{Doing: "building", Base: "b", Step: "install", Line: "a" + text})
	}, 1, 1},
}

// colours are orders that do no more than colour.
var colours = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// FuzzConsole holds the console to what keeps a terminal safe: a thing that is
// told is so many lines whatever its text, none of which has anything in it
// that is not to be seen, and no colour that is not the console's.
func FuzzConsole(f *testing.F) {
	for _, seed := range []string{
		"", "plain", "\x1b[2J\x1b[H", "\x1b]0;title\x07", "a\nweb      live     web-9", "a\r\nb", "over\rwritten", "\u202egpj.jar\u2066",
		"\u009b31m", "\xff\xfe\xc3", "\x00\x7f\x08", "\u2028\u2029\u0085", "\U000e0041", reset, red + "x" + reset, "\tat a.B(C.java:1)",
		"naïve 日本\u3000🙂", "\x1bP+q\x1b\\", "\x1b[201~", strings.Repeat("\x1b[8m", 100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, way := range foreign {
			seen := told(plainReader, way.tell, text)
			if n := strings.Count(seen, "\n"); n != way.person || !strings.HasSuffix(seen, "\n") {
				t.Errorf("%s: %q is %d lines, not %d: %q", way.name, text, n, way.person, seen)
			}
			if bad := unseemly(seen); bad != "" {
				t.Errorf("%s: %q leaves %s in %q", way.name, text, bad, seen)
			}
			// In colour there are as many orders as for a harmless word.
			inColour := told(colourReader, way.tell, text)
			if strings.Contains(way.name, "colours") {
				inColour = colours.ReplaceAllString(inColour, "")
			}
			escapes := strings.Count(inColour, "\x1b")
			if most := strings.Count(told(colourReader, way.tell, "x"), "\x1b"); escapes > most {
				t.Errorf("%s: %q gives %d orders to a terminal, a word %d", way.name, text, escapes, most)
			}
			out := strings.TrimSuffix(told(program, way.tell, text), "\n")
			if n := strings.Count(out, "\n") + 1; n != way.program || !json.Valid([]byte(out)) {
				t.Errorf("%s: %q is %d lines, or no JSON: %q", way.name, text, n, out)
			}
		}
	})
}

func told(r reader, tell func(*Console, string), text string) string {
	var out bytes.Buffer
	c := r.console(&out, []string{"web"}, func() time.Time { return noon })
	tell(c, text)
	flushed(c)
	return out.String()
}

// unseemly names the first thing that has no place on a screen, or is "".
func unseemly(text string) string {
	if !utf8.ValidString(text) {
		return "broken UTF-8"
	}
	for _, c := range text {
		if c != '\n' && c != '\t' && !unicode.IsGraphic(c) {
			return strconv.QuoteRuneToASCII(c)
		}
	}
	return ""
}
