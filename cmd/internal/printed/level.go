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
	// word is a level that stands by itself, as most loggers write it.
	word = regexp.MustCompile(`(?:^|[\s\[|(<])(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL)(?:[\s\]|)>:,]|$)`)
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
	switch {
	case text == "" || goesOn.MatchString(text):
		return l.last
	case thrown.MatchString(text):
		if !AtLeast(l.last, "warn") {
			l.last = "error"
		}
		return l.last
	}
	l.last = told(text[:min(len(text), tells)])
	return l.last
}

func told(text string) string {
	for _, form := range []*regexp.Regexp{pair, word, begins, bracket} {
		if m := form.FindStringSubmatch(text); m != nil {
			return levelWords[strings.ToUpper(m[1])]
		}
	}
	return ""
}
