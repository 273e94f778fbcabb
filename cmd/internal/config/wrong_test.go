package config

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// wrong is a configuration that must be refused, and the whole of what must be said.
type wrong struct{ name, toml, want string }

// refuses also holds every error to its form: an *Error whose problems have the file.
func refuses(t *testing.T, cases []wrong) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			config, err := Parse("config.toml", []byte(c.toml))
			if err == nil {
				t.Fatalf("accepted as %+v, want %s", config, c.want)
			}
			if diff := cmp.Diff(strings.Split(c.want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			wellFormed(t, "config.toml", err)
		})
	}
}

func wellFormed(t *testing.T, file string, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) == 0 {
		t.Fatalf("error is %T with no problems, want an *Error: %v", err, err)
	}
	line := 0
	for _, p := range e.Problems {
		if p.File != file || p.Text == "" || p.Line < line {
			t.Errorf("problem %+v: want file %q, a text, and the order of the file", p, file)
		}
		line = p.Line
		if strings.ContainsFunc(p.String(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("problem %q has characters that are not to be seen", p.String())
		}
	}
}
