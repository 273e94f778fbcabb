package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// screen is what a terminal shows. Nothing of it is passed over in silence: an
// order or a colour that a picture could not show is an error.
type screen struct {
	Title string // of the terminal
	Rows  []row
}

// row is one row of a screen, from the left.
type row []span

// span is text of one style. Each of its characters is one cell wide.
type span struct {
	Text  string
	Style string // names of colour and weight, in this order: "", "red", "red bold"
}

// String is the text of the row alone.
func (r row) String() string {
	var b strings.Builder
	for _, s := range r {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Select Graphic Rendition, as far as it is understood (ECMA-48, 8.3.117, and
// aixterm's bright colours).
var (
	colours = []string{"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"}
	weights = map[int]string{1: "bold", 2: "dim", 22: ""}
)

// style is what was ordered last.
type style struct{ colour, weight string }

func (s style) String() string { return strings.TrimSpace(s.colour + " " + s.weight) }

// parse gives the rows of a captured screen: text with orders for its style and
// no others.
func parse(capture string) ([]row, error) {
	var rows []row
	var now style
	for line := range strings.SplitSeq(strings.TrimRight(capture, "\n"), "\n") {
		var r row
		for line != "" {
			text, rest, order := strings.Cut(line, "\x1b[")
			if err := add(&r, text, now); err != nil {
				return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
			}
			if !order {
				break
			}
			parameters, after, ends := strings.Cut(rest, "m")
			if !ends {
				return nil, fmt.Errorf("row %d: unknown order %q", len(rows)+1, rest)
			}
			if err := now.obey(parameters); err != nil {
				return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
			}
			line = after
		}
		rows = append(rows, trimmed(r))
	}
	return rows, nil
}

// add adds text to a row.
func add(r *row, text string, now style) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("broken UTF-8: %q", text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		return fmt.Errorf("not to be shown: %q", text[i:])
	}
	switch last := len(*r) - 1; {
	case text == "":
	case last >= 0 && (*r)[last].Style == now.String():
		(*r)[last].Text += text
	default:
		*r = append(*r, span{text, now.String()})
	}
	return nil
}

func (s *style) obey(parameters string) error {
	for p := range strings.SplitSeq(parameters, ";") {
		n, err := strconv.Atoi("0" + p) // none is 0
		if err != nil {
			return fmt.Errorf("unknown order %q", parameters)
		}
		weight, weighs := weights[n]
		switch {
		case n == 0:
			*s = style{}
		case weighs:
			s.weight = weight
		case n == 39:
			s.colour = ""
		case n == 49: // the terminal's own background: there is no other
		case n >= 30 && n <= 37:
			s.colour = colours[n-30]
		case n >= 90 && n <= 97:
			s.colour = "bright-" + colours[n-90]
		default:
			return fmt.Errorf("unknown style %d in %q", n, parameters)
		}
	}
	return nil
}

// trimmed is a row without the blanks at its end, which nobody sees.
func trimmed(r row) row {
	for len(r) > 0 {
		last := &r[len(r)-1]
		if last.Text = strings.TrimRight(last.Text, " "); last.Text != "" {
			break
		}
		r = r[:len(r)-1]
	}
	return r
}
