package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File   string
	Line   int    // from 1; 0: the file as a whole
	Column int    // in bytes from 1; 0: the line as a whole
	Key    string // dotted, as in "service.web.port"; "": no one key
	Text   string // what is wrong and how to mend it
}

// String gives the problem as one line, as compilers do, so that editors can jump
// to it: FILE:LINE:COLUMN: KEY: TEXT.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Column > 0 {
		fmt.Fprintf(&b, ":%d", p.Column)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	b.WriteString(": " + p.Text)
	return b.String()
}

// Error is every error of this package: a configuration that cannot be used. There
// is at least one problem in it; they are in the order of the file.
type Error struct {
	Problems []Problem
	More     int   // problems beyond those listed
	cause    error // of a file that could not be read
}

// Error gives one line a problem.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more", e.Problems[0].File, e.More))
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives what kept the file from being read, for errors.Is with fs.ErrNotExist
// and its like; nil when the problem is what the file says.
func (e *Error) Unwrap() error { return e.cause }

// maxProblems bounds what a hopeless file (a log given as configuration, say) can
// put on the screen.
const maxProblems = 40

// report collects problems, at most one for each key: once a value is known to be of
// the wrong type, what else could be said about it is noise.
type report struct {
	file     string
	problems []Problem
}

// add notes a problem at a key, in the place of the key or of the nearest table around
// it that is in the file.
func (r *report) add(n *node, format string, args ...any) {
	r.addAt(n.line, n.column, n, format, args...)
}

func (r *report) addAt(line, column int, n *node, format string, args ...any) {
	if n.known() {
		return
	}
	n.wrong = true
	r.problems = append(r.problems, Problem{
		File: r.file, Line: line, Column: column, Key: n.key(), Text: fmt.Sprintf(format, args...),
	})
}

// err gives what was collected as an *Error, or nil.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	shown := r.problems[:min(len(r.problems), maxProblems)]
	return &Error{Problems: shown, More: len(r.problems) - len(shown)}
}

// failure gives an *Error about a file as a whole.
func failure(file string, cause error, format string, args ...any) error {
	return &Error{Problems: []Problem{{File: file, Text: fmt.Sprintf(format, args...)}}, cause: cause}
}
