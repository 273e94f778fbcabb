package adopt

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// stanza is one setting of an upstart job (init(5)).
type stanza struct {
	line   int    // from 1, where it begins
	name   string // "exec", "pre-start script", "respawn limit"
	value  string // what follows on the line, without a comment
	script string // the lines of a script
}

// double are the first words whose second word is part of the name.
var double = []string{"start", "stop", "respawn", "kill", "normal", "reload", "console", "expect", "oom", "cgroup", "apparmor"}

// hooks are the first words after which "exec" or "script" follows.
var hooks = []string{"pre-start", "post-start", "pre-stop", "post-stop"}

// parseJob reads an upstart job:
//
//	# a comment
//	description "the \"frontend\""       quotes and backslashes as in a shell
//	start on (started network
//	          or runlevel [2345])        parentheses may go on over lines
//	env JAVA_OPTS="-Xmx64m \
//	    -Xss1m"                          so does a line that ends in a backslash
//	script
//	    exec java -jar /frontend.jar     everything up to "end script"
//	end script
func parseJob(text string) ([]stanza, error) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, fmt.Errorf("is not UTF-8 text")
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	var all []stanza
	for i := 0; i < len(lines); {
		s := stanza{line: i + 1}
		logical, next, err := logicalLine(lines, i)
		if err != nil {
			return nil, err
		}
		i = next
		if logical == "" {
			continue
		}
		s.name, s.value = cutName(logical)
		if s.name == "script" || slices.Contains(hooks, strings.TrimSuffix(s.name, " script")) && strings.HasSuffix(s.name, " script") {
			end := slices.IndexFunc(lines[i:], func(l string) bool { return slices.Equal(strings.Fields(l), []string{"end", "script"}) })
			if end < 0 {
				return nil, fmt.Errorf("line %d: the script has no \"end script\"", s.line)
			}
			s.script = strings.Join(lines[i:i+end], "\n")
			i += end + 1
		}
		all = append(all, s)
	}
	return all, nil
}

// cutName takes the name of a stanza off its line.
func cutName(line string) (name, value string) {
	name, value = cutWord(line)
	second, rest := cutWord(value)
	switch {
	case slices.Contains(hooks, name) && (second == "exec" || second == "script"),
		slices.Contains(double, name) && second != "":
		return name + " " + second, rest
	}
	return name, value
}

func cutWord(line string) (word, rest string) {
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i:])
}

// logicalLine gives the stanza that begins at line i, without comment and on
// one line, and the number of the line after it.
func logicalLine(lines []string, i int) (logical string, next int, err error) {
	var b strings.Builder
	begin, quote, depth, condition := i, byte(0), 0, false
	for ; i < len(lines); i++ {
		line, open := lines[i], false
		start := b.Len()
	scan:
		for j := 0; j < len(line); j++ {
			c := line[j]
			switch {
			case c == '\\' && j == len(line)-1:
				open = true
				break scan
			case c == '\\' && quote != '\'':
				b.WriteByte(c)
				j++
				c = line[j]
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '"' || c == '\'':
				quote = c
			case c == '#' && (j == 0 || line[j-1] == ' ' || line[j-1] == '\t'):
				break scan
			case c == '(':
				depth++
			case c == ')':
				depth--
			}
			b.WriteByte(c)
		}
		if i == begin {
			first, _ := cutWord(strings.TrimSpace(b.String()))
			condition = first == "start" || first == "stop"
		}
		if !condition {
			depth = 0 // elsewhere parentheses are text
		}
		if quote == 0 && depth <= 0 && !open {
			return strings.TrimSpace(b.String()), i + 1, nil
		}
		if b.Len() > start {
			b.WriteByte(' ')
		}
	}
	if quote != 0 || depth > 0 {
		return "", i, fmt.Errorf("line %d: a quote or parenthesis is not closed", begin+1)
	}
	return strings.TrimSpace(b.String()), i, nil
}

// unquote takes the quotes of a value away, as upstart does: a backslash makes
// the next character plain.
func unquote(value string) string { return strings.Join(cutWords(value, ""), "") }

// cutWords parts a value into words at blanks that are not in quotes, which it takes
// away, and a backslash makes the next character plain.
func cutWords(value, blanks string) []string {
	var words []string
	var b strings.Builder
	quote, in := byte(0), false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case quote == 0 && strings.IndexByte(blanks, c) >= 0:
			if in {
				words = append(words, b.String())
			}
			b.Reset()
			in = false
			continue
		case c == '\\' && i+1 < len(value):
			i++
			b.WriteByte(value[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		default:
			b.WriteByte(c)
		}
		in = true
	}
	if in {
		words = append(words, b.String())
	}
	return words
}
