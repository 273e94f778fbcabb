package adopt

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// quote gives a text as a basic string of TOML.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// plain gives a text as a part of a comment.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

type printer func(format string, args ...any)

// lists writes a list, without what is there twice.
func lists(line printer, key string, values []string) {
	if len(values) > 0 {
		line("%s = %s", key, list(values))
	}
}

func list(values []string) string {
	var quoted []string
	for _, v := range values {
		if q := quote(v); !slices.Contains(quoted, q) {
			quoted = append(quoted, q)
		}
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
