package logs

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sequence is what gives a terminal an order (ECMA-48, with what xterm adds): a
// control sequence, a string such as a title or what is put on the clipboard, or a
// function by itself.
var sequence = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[ -/]*[0-OQ-WYZ\\\\`-~]")

// colour is one that does no more than colour what follows.
var colour = regexp.MustCompile("^\x1b\\[[0-9;:]*m$")

// plain ends all colours.
const plain = "\x1b[0m"

// Clean makes a line fit to be shown: of what carriage returns have written over
// each other the last, without orders to a terminal, and with what else is not to be
// seen written out (\x07, \u202e). So it can neither move the cursor, turn the
// direction of text nor look like another line. Tabs stay; a line that is clean stays
// as it is. Where it has colours, coloured is the same with them, and ends them.
func Clean(line string) (text, coloured string) {
	line = strings.TrimRight(line, "\r\n")
	line = line[strings.LastIndexByte(line, '\r')+1:]
	if clean(line) {
		return line, ""
	}
	var bare, painted strings.Builder
	paints := false
	for line != "" {
		at := sequence.FindStringIndex(line)
		if at == nil {
			at = []int{len(line), len(line)}
		}
		part := written(line[:at[0]])
		bare.WriteString(part)
		painted.WriteString(part)
		if order := line[at[0]:at[1]]; colour.MatchString(order) {
			painted.WriteString(order)
			paints = true
		}
		line = line[at[1]:]
	}
	if !paints {
		return bare.String(), ""
	}
	return bare.String(), strings.TrimSuffix(painted.String(), plain) + plain
}

// written is text with what is not to be seen written out.
func written(text string) string {
	if clean(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case c == utf8.RuneError && size == 1, c < ' ' && c != '\t', c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, text[i])
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
