package adopt

import (
	"errors"
	"slices"
	"strings"
)

// The reasons why a script cannot be written on one line.
var (
	errHere  = errors.New("it has a here-document")
	errCase  = errors.New("it has a case")
	errQuote = errors.New("it has a text of several lines, or a quote that is not closed")
	errEmpty = errors.New("it has no command")
)

// oneLine gives a script of the shell as one line with the same meaning, since
// a command of the configuration is one line.
func oneLine(script string) (string, error) {
	lines, err := commands(script)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, line := range lines {
		if slices.Contains(strings.Fields(line), "case") {
			return "", errCase
		}
		if i > 0 {
			b.WriteString(between(lines[i-1]))
		}
		b.WriteString(line)
	}
	if b.Len() == 0 {
		return "", errEmpty
	}
	if len(lines) > 1 {
		return "set -e; " + b.String(), nil // upstart runs scripts by sh -e
	}
	return b.String(), nil
}

// between is what takes the place of the end of a line.
func between(line string) string {
	words := strings.Fields(line)
	last := words[len(words)-1]
	open := []string{"then", "do", "else", "{", "(", "!"}
	if slices.Contains(open, last) || strings.HasSuffix(line, "&") || strings.HasSuffix(line, "|") ||
		strings.HasSuffix(line, ";") || strings.HasSuffix(line, "(") || strings.HasSuffix(line, "{") {
		return " "
	}
	return "; "
}

// commands gives the lines of a script that are not empty, without comments,
// and with those joined that a backslash joins.
func commands(script string) ([]string, error) {
	var lines []string
	var b strings.Builder
	end := func() {
		if line := strings.TrimSpace(b.String()); line != "" {
			lines = append(lines, line)
		}
		b.Reset()
	}
	quote := byte(0)
	for i := 0; i < len(script); i++ {
		c := script[i]
		blank := i == 0 || strings.IndexByte(" \t\n;&|(", script[i-1]) >= 0
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(script):
			i++
			if script[i] != '\n' {
				b.WriteByte(c)
				b.WriteByte(script[i])
			}
			continue
		case quote != 0 && c == '\n':
			return nil, errQuote
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '#' && blank:
			for i+1 < len(script) && script[i+1] != '\n' {
				i++
			}
			continue
		case c == '<' && strings.HasPrefix(script[i:], "<<"):
			return nil, errHere
		case c == '\n':
			end()
			continue
		case c == '\t':
			c = ' '
		}
		b.WriteByte(c)
	}
	if quote != 0 {
		return nil, errQuote
	}
	end()
	return lines, nil
}
