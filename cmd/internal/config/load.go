package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// maxBytes bounds what is read as a configuration.
const maxBytes = 1 << 20

// The places where Find looks when it is told of none.
var usual = []string{"config.toml", "/etc/jarloop/config.toml"}

// Find gives the configuration file to use: the explicit one as it is, else
// config.toml in the working folder, else /etc/jarloop/config.toml. If none is there
// the *Error says where it looked and how to make one.
func Find(explicit string) (string, error) {
	if explicit != "" {
		return explicit, nil
	}
	return find(usual)
}

func find(candidates []string) (string, error) {
	for _, path := range candidates {
		// What exists but cannot be read is chosen too: to pass over it would run
		// another system than the one meant. Load says what is wrong with it.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", failure(candidates[0], fs.ErrNotExist, "no configuration here, nor at %s; "+
		`write one with jarloop init, copy the config.toml that comes with jarloop, or name one with --config FILE`, listed(candidates[1:], "nor"))
}

// Load reads, decodes and checks a configuration. Every error is an *Error.
func Load(path string) (*Config, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Read gives the content of a configuration, for Parse. Every error is an *Error.
func Read(path string) ([]byte, error) {
	// O_NONBLOCK: opening a FIFO would otherwise wait for a writer, see fifo(7).
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err // the path is said already
		}
		remedy := "check --config and the permissions"
		if errors.Is(err, fs.ErrNotExist) {
			remedy = `write one with jarloop init, copy the config.toml that comes with jarloop, or name another with --config FILE`
		}
		return nil, failure(path, err, "read configuration: %v; %s", err, remedy)
	}
	defer func() { _ = f.Close() }() // only read: nothing to lose
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, failure(path, err, "read configuration: not a regular file; name a TOML file with --config FILE")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, failure(path, err, "read configuration: %v", err)
	}
	return data, nil
}

// Parse decodes and checks a configuration that is in memory; file is its name in
// errors. It is a function of the two alone. Every error is an *Error.
func Parse(file string, data []byte) (*Config, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // Windows editors put it there,
	// and this, which a shell would take for a part of the last word of a line.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if err := text(file, data); err != nil {
		return nil, err
	}
	p := locate(data)
	r := newReport(file, p)
	for _, t := range p.twice {
		r.addAt(t.line, t.key, "given twice, first on line %d; keep one of them", t.first)
	}
	var tables map[string]any
	if err := toml.Unmarshal(data, &tables); err != nil {
		if len(p.twice) == 0 { // the decoder finds those too, and says less
			r.problems = append(r.problems, malformed(file, err))
		}
		return nil, r.err()
	}
	var d document
	(&filler{places: p, report: r}).fill(&d, tables)
	c := d.config(p)
	c.setDefaults(r)
	c.validate(r)
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
	line := 1
	for rest := data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		rest = rest[n:]
	}
	return &Error{Problems: []Problem{{File: file, Line: line, Text: "not UTF-8 text; " + remedy}}}
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
