package tool

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// lastLines is how many last lines of a tool an error shows.
	lastLines = 15
	// longest is the longest line that is kept of what a tool prints, in
	// bytes; the rest of it is dropped.
	longest = 400
)

// output takes what a tool prints and makes lines of it, in bounded memory.
type output struct {
	line func(string) // called for each line
	part []byte       // of the line that is not finished
	last []string     // at most lastLines
}

// Write never fails.
func (o *output) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		// Progress bars end their lines with a carriage return.
		end := bytes.IndexAny(p, "\r\n")
		piece := p
		if end >= 0 {
			piece = p[:end]
		}
		o.part = append(o.part, piece[:min(len(piece), longest-len(o.part))]...)
		if end < 0 {
			break
		}
		o.flush()
		p = p[end+1:]
	}
	return n, nil
}

// flush ends the line that has no end yet.
func (o *output) flush() {
	text := Printable(string(o.part))
	o.part = o.part[:0]
	if text == "" {
		return
	}
	if len(o.last) == lastLines {
		o.last = append(o.last[:0], o.last[1:]...)
	}
	o.last = append(o.last, text)
	o.line(text)
}

// Printable gives the line without what could forge another line or move a
// terminal's cursor, and without blanks at its ends.
func Printable(line string) string {
	if !utf8.ValidString(line) {
		line = strings.ToValidUTF8(line, "?")
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, line))
}

// tail gives the last lines, indented, to follow the words of an error.
func (o *output) tail() string {
	if len(o.last) == 0 {
		return ""
	}
	return "; its last lines:\n    " + strings.Join(o.last, "\n    ")
}
