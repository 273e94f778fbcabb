package printed

import (
	"regexp"
	"slices"
	"strings"
)

// Ranks are the levels that lines may tell, the lowest first.
var Ranks = []string{"trace", "debug", "info", "warn", "error", "fatal"}

// AtLeast says whether a level is the lowest one that is wanted, or above. A line that
// tells none is not.
func AtLeast(level, lowest string) bool {
	return slices.Index(Ranks, level) >= slices.Index(Ranks, lowest)
}

// Levels tells the levels of the lines of one file, which it is given in their order:
// those of a stack trace have that of the line above.
type Levels struct{ last string }

// levelWords are what loggers write.
var levelWords = map[string]string{
	"TRACE": "trace", "FINEST": "trace", "FINER": "trace", "DEBUG": "debug", "FINE": "debug", "INFO": "info", "NOTICE": "info", "CONFIG": "info",
	"WARN": "warn", "WARNING": "warn", "ERROR": "error", "SEVERE": "error", "CRITICAL": "error", "FATAL": "fatal", "EMERG": "fatal", "ALERT": "fatal",
	"CRIT": "error",
}

var (
	// begins is what java.util.logging writes at the beginning of a line.
	begins = regexp.MustCompile(`^(FINEST|FINER|FINE|CONFIG): `)
	// bracket is what nginx writes, and pair what JSON and logfmt have.
	bracket = regexp.MustCompile(`\[(debug|info|notice|warn|error|crit|alert|emerg)\]`)
	pair    = regexp.MustCompile(`(?i)"?\b(?:log\.)?(?:level|severity)"?\s*[=:]\s*"?(trace|debug|info|notice|warn|warning|error|critical|fatal)\b`)
	// thrown is the beginning of a stack trace.
	thrown = regexp.MustCompile(`^(?:Exception in thread |(?:[\w$]+\.)+[\w$]*(?:Exception|Error|Throwable)\b)`)
	// goesOn is a line that belongs to the one above.
	goesOn = regexp.MustCompile(`^(?:\s|Caused by: |Suppressed: |Wrapped by: |\.\.\. \d+ more)`)
)

// tells is how far into a line its level stands.
const tells = 240

// Of gives the level of the next line, or "".
func (l *Levels) Of(text string) string {
	l.last = levelOf(text, func() string { return l.last })
	return l.last
}

// levelOf gives the level of a line; above is that of the line above.
func levelOf(text string, above func() string) string {
	switch {
	case text == "" || goesOn.MatchString(text):
		return above()
	case thrown.MatchString(text):
		if level := above(); AtLeast(level, "warn") {
			return level
		}
		return "error"
	}
	return told(text[:min(len(text), tells)])
}

// told gives the level that a line tells by itself. Most lines are seen by this function
// where somebody looks for what is rare, so what is cheap comes first.
func told(text string) string {
	if strings.Contains(text, "evel") || strings.Contains(text, "EVEL") || strings.Contains(text, "everity") {
		if m := pair.FindStringSubmatch(text); m != nil {
			return levelWords[strings.ToUpper(m[1])]
		}
	}
	if level := word(text); level != "" {
		return level
	}
	for _, form := range []*regexp.Regexp{begins, bracket} {
		if m := form.FindStringSubmatch(text); m != nil {
			return levelWords[strings.ToUpper(m[1])]
		}
	}
	return ""
}

// word gives the first level that stands by itself, in capitals, as most loggers write
// it.
func word(text string) string {
	for i := 0; i < len(text); {
		if c := text[i]; c < 'A' || c > 'Z' {
			i++
			continue
		}
		end := i + 1
		for end < len(text) && text[end] >= 'A' && text[end] <= 'Z' {
			end++
		}
		if (i == 0 || strings.IndexByte(" \t[|(<", text[i-1]) >= 0) && (end == len(text) || strings.IndexByte(" \t]|)>:,", text[end]) >= 0) {
			if level := levelWords[text[i:end]]; level != "" && !quiet[text[i:end]] {
				return level
			}
		}
		i = end
	}
	return ""
}

// quiet are levels that are words of other texts, too.
var quiet = map[string]bool{"FINE": true, "FINER": true, "FINEST": true, "CONFIG": true, "ALERT": true, "EMERG": true, "CRIT": true}
