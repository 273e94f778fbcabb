package config

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
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
	where := p.File
	for _, n := range []int{p.Line, p.Column} {
		if n > 0 {
			where += ":" + strconv.Itoa(n)
		}
	}
	if p.Key != "" {
		where += ": " + p.Key
	}
	return where + ": " + p.Text
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

// FirstLine is the first line of an error, and how many follow.
func FirstLine(err error) string {
	line, rest, more := strings.Cut(err.Error(), "\n")
	if more {
		line += fmt.Sprintf(" (and %d more)", 1+strings.Count(rest, "\n"))
	}
	return line
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
	data     []byte
	problems []problem
	top      []key // of the file
}

// problem is one whose line and column are still to be found.
type problem struct {
	Problem
	offset int // -1: that of the file as a whole
}

// add notes a problem at a key, in the place of the key or of the nearest table around
// it that is in the file.
func (r *report) add(n *node, format string, args ...any) {
	r.addAt(n.offset, n, format, args...)
}

func (r *report) addAt(offset int, n *node, format string, args ...any) {
	if n.known() {
		return
	}
	n.wrong = true
	r.problems = append(r.problems, problem{Problem{File: r.file, Key: n.key(), Text: fmt.Sprintf(format, args...)}, offset})
}

// err gives what was collected as an *Error, or nil.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b problem) int { return cmp.Compare(a.offset, b.offset) })
	e := &Error{More: max(0, len(r.problems)-maxProblems)}
	for _, p := range r.problems[:len(r.problems)-e.More] {
		p.Line, p.Column = r.position(p.offset)
		e.Problems = append(e.Problems, p.Problem)
	}
	return e
}

// position gives the line and the column, in bytes, both from 1; 0 for the whole file.
func (r *report) position(offset int) (line, column int) {
	if offset < 0 {
		return 0, 0
	}
	before := r.data[:offset]
	return 1 + bytes.Count(before, []byte("\n")), offset - bytes.LastIndexByte(before, '\n')
}

// line gives that of a key.
func (r *report) line(n *node) int {
	line, _ := r.position(n.offset)
	return line
}

// failure gives an *Error about a file as a whole.
func failure(file string, cause error, format string, args ...any) error {
	return &Error{Problems: []Problem{{File: file, Text: fmt.Sprintf(format, args...)}}, cause: cause}
}
