package config

import (
	"io/fs"
	"strings"
	"testing"

	tomltest "github.com/toml-lang/toml-test/v2"
)

// tomlCases gives the files of the TOML project's own test suite for TOML 1.1,
// by name; those that are not valid are below invalid/.
func tomlCases(t testing.TB) map[string][]byte {
	t.Helper()
	suite := tomltest.TestCases()
	list, err := fs.ReadFile(suite, "files-toml-1.1.0")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]byte{}
	for name := range strings.FieldsSeq(string(list)) {
		if !strings.HasSuffix(name, ".toml") {
			continue
		}
		if cases[name], err = fs.ReadFile(suite, name); err != nil {
			t.Fatal(err)
		}
	}
	if len(cases) < 400 {
		t.Fatalf("the suite has %d files", len(cases))
	}
	return cases
}

// TestTheTOMLProjectsOwnFiles tells what is no TOML from what is TOML and no
// configuration of ours, which none of these files is.
func TestTheTOMLProjectsOwnFiles(t *testing.T) {
	for name, data := range tomlCases(t) {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(name, data)
			if err == nil {
				t.Fatal("taken for a configuration")
			}
			wellFormed(t, name, err)
			malformed := strings.Contains(err.Error(), "not valid TOML") || strings.Contains(err.Error(), "given twice") || strings.Contains(err.Error(), "not UTF-8")
			if want := strings.HasPrefix(name, "invalid/"); malformed != want {
				t.Errorf("said to be malformed: %t, want %t:\n%v", malformed, want, err)
			}
		})
	}
}
