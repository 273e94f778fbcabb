package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, capture string
		want          []row
	}{
		{"plain text", "hello\nworld\n", []row{{{"hello", ""}}, {{"world", ""}}}},
		{"nothing below the last row", "hello\n\n\n", []row{{{"hello", ""}}}},
		{"an empty row above it", "a\n\nb\n", []row{{{"a", ""}}, nil, {{"b", ""}}}},
		{"a colour and its end", "\x1b[31mred\x1b[39m not", []row{{{"red", "red"}, {" not", ""}}}},
		{"colour and weight in one order", "\x1b[1;32mlive\x1b[0m x", []row{{{"live", "green bold"}, {" x", ""}}}},
		{"colour and weight in two", "\x1b[1m\x1b[32mlive\x1b[m x", []row{{{"live", "green bold"}, {" x", ""}}}},
		{"the end of a weight", "\x1b[2;35mdim\x1b[22mnot", []row{{{"dim", "magenta dim"}, {"not", "magenta"}}}},
		{"a bright one", "\x1b[96mbright", []row{{{"bright", "bright-cyan"}}}},
		{"a style that goes on in the next row", "\x1b[33ma\nb", []row{{{"a", "yellow"}}, {{"b", "yellow"}}}},
		{"an order that changes nothing", "a\x1b[39m\x1b[49mb", []row{{{"ab", ""}}}},
		{"blanks at the end", "a  \x1b[31m  ", []row{{{"a", ""}}}},
		{"blanks within", "a  \x1b[31m  b", []row{{{"a  ", ""}, {"  b", "red"}}}},
		{"what is markup elsewhere", "<a> & │", []row{{{"<a> & │", ""}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parse(c.capture)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatAPictureCannotShowIsAnError(t *testing.T) {
	for name, capture := range map[string]string{
		"a background":              "\x1b[41mx",
		"a colour of 256":           "\x1b[38;5;9mx",
		"underlined":                "\x1b[4mx",
		"a style that is no number": "\x1b[?25lm",
		"another order":             "\x1b[2J",
		"another kind of order":     "\x1b]2;title\x1b\\",
		"an order that is cut off":  "\x1b[3",
		"a control character":       "a\tb",
		"bytes that are no letters": "a\xff",
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := parse("first\n" + capture)
			if err == nil || !strings.HasPrefix(err.Error(), "row 2: ") {
				t.Errorf("%q, %v", rows, err)
			}
		})
	}
}

// sample has every look in it, and every character that markup takes for itself.
func sample(t *testing.T) screen {
	t.Helper()
	var all strings.Builder
	for _, order := range []string{"0", "1", "2", "30", "31", "32", "33", "34", "35", "36", "37", "90", "91", "92", "93", "94", "95", "96", "97", "0;1;31"} {
		all.WriteString("\x1b[" + order + "m" + order + "\x1b[0m  ")
	}
	rows, err := parse(all.String() + "\n\n  <b>\"it's\" & │ …</b>  \x1b[2m×3  -->")
	if err != nil {
		t.Fatal(err)
	}
	return screen{Title: "jarloop: <all> & more", Rows: rows}
}

func TestAPictureIsReadAsItWasDrawn(t *testing.T) {
	want := sample(t)
	svg := want.svg("What <it> shows", 80)
	got, err := read(svg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(svg, `<title id="about">What &lt;it&gt; shows</title>`) || !strings.Contains(svg, `aria-labelledby="about"`) {
		t.Errorf("it does not say what it shows: %.300s", svg)
	}
	// It brings nothing along that a viewer would have to fetch or to run.
	for _, active := range []string{"href", "url(", "@import", "<script", "foreignObject"} {
		if strings.Contains(svg, active) {
			t.Errorf("there is %s in it", active)
		}
	}
}

func TestAPictureIsWellFormedAndKnowsEveryStyle(t *testing.T) {
	s := sample(t)
	svg := s.svg("x", 10)
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range s.Rows {
		for _, span := range row {
			for _, name := range strings.Fields(span.Style) {
				if !strings.Contains(sheet, "."+name+"{") {
					t.Errorf("no style for %q", name)
				}
			}
		}
	}
}

func TestWhatIsNoPictureOfAScreenIsNotRead(t *testing.T) {
	for name, svg := range map[string]string{
		"nothing":         "",
		"no markup":       "hello",
		"another picture": `<svg xmlns="http://www.w3.org/2000/svg"><text x="1">bar</text></svg>`,
		"half a picture":  screen{Title: "x"}.svg("x", 3)[:300],
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := read(svg); err == nil {
				t.Errorf("read as %v", s)
			}
		})
	}
}
