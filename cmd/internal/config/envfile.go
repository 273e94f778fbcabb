package config

import (
	"bytes"
	"fmt"
	"strings"
)

// parseEnv reads a file of variables, strictly: what Docker, systemd and shells agree
// on. A "$" is a dollar. Every error is an *Error, and has nothing of the file in it
// but names of variables. Libraries for this put other variables in the place of what
// follows a "$", quote lines in their errors, or take any "#" for a comment.
func parseEnv(file string, data []byte) (Variables, error) {
	data = bytes.ReplaceAll(bytes.TrimPrefix(data, []byte("\uFEFF")), []byte("\r\n"), []byte("\n"))
	p := envParser{report: report{file: file, data: data}, text: string(data), vars: Variables{}, lines: map[string]int{}}
	if err := p.report.text(); err != nil {
		return nil, err
	}
	for p.at < len(p.text) {
		p.assignment()
	}
	return p.vars, p.err()
}

type envParser struct {
	report
	text  string
	at    int // offset in text
	vars  Variables
	lines map[string]int // where each was given
}

// wrong reports a problem of a variable, or of none if name is empty.
func (p *envParser) wrong(at int, name, format string, args ...any) {
	p.problems = append(p.problems, problem{Problem{File: p.file, Key: name, Text: fmt.Sprintf(format, args...)}, at})
}

// line gives what is left of the line, and goes to the next.
func (p *envParser) line() string {
	line, _, _ := strings.Cut(p.text[p.at:], "\n")
	p.at = min(p.at+len(line)+1, len(p.text))
	return line
}

func (p *envParser) blank() { p.at += len(p.text[p.at:]) - len(strings.TrimLeft(p.text[p.at:], " \t")) }

// assignment reads NAME=value, a comment or an empty line.
func (p *envParser) assignment() {
	p.blank()
	began := p.at
	before, _, assigns := strings.Cut(strings.SplitN(p.text[p.at:], "\n", 2)[0], "=")
	name := before
	if rest, ok := strings.CutPrefix(name, "export "); ok {
		name = strings.TrimLeft(rest, " \t")
	}
	switch {
	case strings.TrimSpace(before) == "" && !assigns, strings.HasPrefix(before, "#"):
		p.line()
		return
	case !assigns:
		p.line()
		p.wrong(began, "", `no "="; write NAME=value, and a value of several lines in quotes`)
		return
	case strings.TrimRight(name, " \t") != name:
		p.line()
		p.wrong(began, "", `a space before "="; write NAME=value`)
		return
	case wrongVariable(name) != "":
		p.line()
		p.wrong(began, "", `what stands before "=" is not the name of a variable; use letters, digits and _ (Spring and Quarkus read A_B for a.b)`)
		return
	}
	p.at += len(before) + 1
	value, reason := p.value()
	if reason == "" {
		reason = wrongCharacter(value, true)
	}
	if reason == "" {
		reason = wrongValue(name, value)
	}
	if first := p.lines[name]; first > 0 && reason == "" {
		reason = fmt.Sprintf("given twice, first on line %d; keep one of them", first)
	}
	if reason != "" {
		p.wrong(began, name, "%s", reason)
	}
	p.lines[name], _ = p.position(began)
	p.vars[name] = value
}

// value reads what follows "=", or says what is wrong with it.
func (p *envParser) value() (value, wrong string) {
	began := p.at
	p.blank()
	spaced := p.at > began
	if p.at < len(p.text) && (p.text[p.at] == '"' || p.text[p.at] == '\'') {
		return p.quoted(p.text[p.at])
	}
	line := p.line()
	if strings.HasSuffix(line, `\`) {
		return "", `ends in a backslash, which does not join lines here; put a value of several lines in quotes`
	}
	for i := range len(line) {
		if line[i] == '#' && (i == 0 && spaced || i > 0 && (line[i-1] == ' ' || line[i-1] == '\t')) {
			line = line[:i]
			break
		}
	}
	return strings.TrimRight(line, " \t"), ""
}

// quoted reads a value in quotes, which may have line breaks, and the end of its line.
// Between double quotes a backslash begins \n, \t, \", \\ or \$.
func (p *envParser) quoted(quote byte) (value, wrong string) {
	var b strings.Builder
	closed := false
	for p.at++; p.at < len(p.text) && !closed; p.at++ {
		c := p.text[p.at]
		switch {
		case c == quote:
			closed = true
			continue
		case c == '\\' && quote == '"' && p.at+1 < len(p.text):
			p.at++
			at := strings.IndexByte(`nt"\$`, p.text[p.at])
			if at < 0 {
				wrong = `a backslash before another character than n, t, ", \ and $; write \\, or put the value in single quotes`
				continue
			}
			c = "\n\t\"\\$"[at]
		}
		b.WriteByte(c)
	}
	if !closed {
		return "", fmt.Sprintf("the value is not closed; end it with the %c that it begins with", quote)
	}
	rest := p.line()
	if after := strings.TrimLeft(rest, " \t"); wrong == "" && after != "" && (after == rest || after[0] != '#') {
		wrong = "something follows the closing quote; take it out, or put a backslash before a quote that is meant"
	}
	return b.String(), wrong
}
