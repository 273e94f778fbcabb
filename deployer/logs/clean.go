package logs

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a line fit to be shown: what is not to be seen is written out
// (\x1b, \u202e), so that it can neither move the cursor, colour the screen,
// turn the direction of text nor look like another line. Tabs stay, and a
// carriage return at the end, which some programs end lines with, goes. A line
// that is clean stays as it is.
func Clean(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if clean(line) {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); {
		c, size := utf8.DecodeRuneInString(line[i:])
		switch {
		case c == utf8.RuneError && size == 1, c < ' ' && c != '\t', c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, line[i])
		case shown(c):
			b.WriteRune(c)
		case c > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
		i += size
	}
	return b.String()
}

func clean(line string) bool {
	return utf8.ValidString(line) && strings.IndexFunc(line, func(c rune) bool { return !shown(c) }) < 0
}

// shown is whether a character has a place of its own on the screen, or
// belongs to the one before it.
func shown(c rune) bool { return c == '\t' || unicode.IsGraphic(c) }
