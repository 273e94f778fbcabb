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
	if err := text(file, data); err != nil {
		return nil, err
	}
	t := grow(data)
	r := &report{file: file}
	for _, again := range t.twice {
		r.addAt(again.line, again.column, again.node, "given twice, first on line %d; keep one of them", again.node.line)
	}
	// The library says what is no TOML; of keys given twice it says less.
	var ignored map[string]any
	if err := toml.Unmarshal(data, &ignored); err != nil {
		if len(t.twice) == 0 {
			r.problems = append(r.problems, malformed(file, err))
		}
		return nil, r.err()
	}
	c := &Config{}
	r.fill(t.root, c.keys())
	c.complete(t.root)
	c.check(r, t.root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// text refuses what is too large or not UTF-8 text.
func text(file string, data []byte) error {
	if len(data) > maxBytes {
		return failure(file, nil, "larger than %s; this is no configuration", Size(maxBytes))
	}
	if utf8.Valid(data) {
		return nil
	}
	remedy := "save it as UTF-8"
	if bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF")) {
		remedy = "it looks like UTF-16, which PowerShell writes; save it as UTF-8"
	}
	good := data[:len(data)-len(bytes.TrimLeftFunc(data, func(c rune) bool { return c != utf8.RuneError }))]
	line, column := 1+bytes.Count(good, []byte("\n")), len(good)-bytes.LastIndexByte(good, '\n')
	return &Error{Problems: []Problem{{File: file, Line: line, Column: column, Text: "not UTF-8 text; " + remedy}}}
}

// malformed gives the decoder's error in our form.
func malformed(file string, err error) Problem {
	problem := Problem{File: file, Text: "not valid TOML: " + visible(strings.TrimPrefix(err.Error(), "toml: "))}
	var where *toml.DecodeError
	if !errors.As(err, &where) {
		return problem
	}
	problem.Line, problem.Column = where.Position()
	for _, hint := range hints {
		if strings.Contains(problem.Text, hint.message) {
			problem.Text += "; " + hint.remedy
			break
		}
	}
	return problem
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
