package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// Parse decodes and checks a configuration that is in memory; file is its name in
// errors. It is a function of the two alone. Every error is an *Error.
func Parse(file string, data []byte) (*Config, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // Windows editors put it there,
	// and this, which a shell would take for a part of the last word of a line.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	c := &Config{}
	r := &report{file: file, data: data, top: c.keys()}
	if err := r.text(); err != nil {
		return nil, err
	}
	t := grow(data)
	for _, key := range t.twice {
		r.addAt(key.again, key.node, "given twice, first on line %d; keep one of them", r.line(key.node))
	}
	// The library says what is no TOML; of keys given twice it says less.
	var ignored map[string]any
	if err := toml.Unmarshal(data, &ignored); err != nil {
		if len(t.twice) == 0 {
			return nil, malformed(file, err)
		}
		return nil, r.err()
	}
	r.fill(t.root, r.top)
	c.complete(t.root)
	c.check(r, t.root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// maxBytes bounds what is read as a configuration.
const maxBytes = 1 << 20

// text refuses what is too large or not UTF-8 text.
func (r *report) text() error {
	if len(r.data) > maxBytes {
		return failure(r.file, nil, "larger than %s; this is no configuration", Size(maxBytes))
	}
	if utf8.Valid(r.data) {
		return nil
	}
	p := Problem{File: r.file, Text: "not UTF-8 text; save it as UTF-8"}
	if bytes.HasPrefix(r.data, []byte("\xFF\xFE")) || bytes.HasPrefix(r.data, []byte("\xFE\xFF")) {
		p.Text = "not UTF-8 text; it looks like UTF-16, which PowerShell writes; save it as UTF-8"
	}
	good := 0
	for c, n := utf8.DecodeRune(r.data); c != utf8.RuneError || n > 1; c, n = utf8.DecodeRune(r.data[good:]) {
		good += n
	}
	p.Line, p.Column = r.position(good)
	return &Error{Problems: []Problem{p}}
}

// malformed gives the decoder's error in our form.
func malformed(file string, err error) error {
	p := Problem{File: file, Text: "not valid TOML: " + visible(strings.TrimPrefix(err.Error(), "toml: "))}
	if where, ok := errors.AsType[*toml.DecodeError](err); ok {
		p.Line, p.Column = where.Position()
	}
	for _, hint := range hints {
		if strings.Contains(p.Text, hint.message) {
			p.Text += "; " + hint.remedy
			break
		}
	}
	return &Error{Problems: []Problem{p}}
}

// visible escapes control characters, which the decoder's words can have from a key.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, "%U", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hints are remedies for what people get wrong most in TOML, by the decoder's words.
var hints = []struct{ message, remedy string }{
	{"at start of value", `text stands in quotes, as in dir = "/host"`},
	{"expected keyword", `text stands in quotes, as in dir = "/host"`},
	{"strings cannot have new lines", "close the text with a quote on its line"},
	{"unterminated", "close the text with the quote it began with"},
	{"invalid escape", `a backslash is written \\, or the text put in single quotes`},
	{"array is incomplete", "close the list with ]"},
}
