package config

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Runs gives the JAR that a service's command runs with java -jar, relative to the
// service's target: it is the file that must have a Main-Class. "*" is the only JAR
// there is, when the command is the default; "" is none: the command runs something
// else, a JAR elsewhere, or only the shell knows what.
func (c *Config) Runs(service string) string {
	s := c.Service(service)
	if s == nil {
		return ""
	}
	if s.Exec == "" {
		return "*"
	}
	jar := jarOf(words(s.Exec))
	if jar == "" {
		return ""
	}
	if !path.IsAbs(jar) { // the command starts in its target
		jar = path.Join(s.Target, jar)
	}
	inside, ok := strings.CutPrefix(path.Clean(jar), s.Target+"/")
	if !ok || !filepath.IsLocal(inside) {
		return ""
	}
	return inside
}

// separate are java's options whose value is the next word; see "Standard Options for
// Java" in java(1), and IsWhiteSpaceOption in the launcher's java.c.
var separate = []string{
	"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path",
	"--add-modules", "--limit-modules", "--add-exports", "--add-opens", "--add-reads",
	"--enable-native-access", "--patch-module", "--source",
}

// jarOf gives the JAR of java … -jar JAR …, or "".
func jarOf(words []string) string {
	for len(words) > 0 && (words[0] == "exec" || words[0] == "env" || assigns(words[0])) {
		words = words[1:]
	}
	if len(words) == 0 || path.Base(words[0]) != "java" {
		return ""
	}
	for i := 1; i < len(words); i++ {
		switch word := words[i]; {
		case word == "-jar":
			if i+1 < len(words) {
				return words[i+1]
			}
			return ""
		case slices.Contains(separate, word):
			i++
		case !strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "@"):
			return "" // a main class: what follows are its arguments
		case word == "-m", word == "--module":
			return ""
		}
	}
	return ""
}

// assigns says whether a word sets a variable for the command after it.
func assigns(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r == '-' || !bare(r) })
}

// words splits the first command of a shell line into words, as far as quotes go. It
// ends at what only a shell knows: an expansion, a pattern, another command; nil
// if that comes before the end, since the words might then mean something else.
func words(line string) []string {
	var list []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("$`\"\\", r) {
				word.WriteByte('\\') // sh(1): only these four lose it
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == '\'', quote == '"' && r != '$' && r != '`':
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case strings.ContainsRune(" \t\n", r):
			if inWord {
				list, inWord = append(list, word.String()), false
				word.Reset()
			}
		case strings.ContainsRune("$`*?[]{}~|&;<>()#", r):
			return nil
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil
	}
	if inWord {
		list = append(list, word.String())
	}
	return list
}
