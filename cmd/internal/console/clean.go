package console

import (
	"strings"
	"unicode"

	"github.com/jarloop/jarloop/deployer/logs"
)

// Plain is text as one line that a terminal shows and does not obey, for what
// the other verbs print of the agent's words.
func Plain(text string) string { return plain(text) }

// plain is text without what could pass for another line or give orders to a
// terminal: reasons may hold what a command in a container has printed.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, text)
}

// clean is lines that a service has printed, with what is not to be seen
// written out. Those that have been read by package logs stay as they are; the
// console rests on nobody for that.
func clean(lines []string) []string {
	var all []string
	for _, text := range lines {
		text, _ = logs.Clean(text)
		all = append(all, text)
	}
	return all
}
