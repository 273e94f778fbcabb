package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// faults is the number of faults in FAULTS.md.
const faults = 167

var (
	faultRow = regexp.MustCompile(`(?m)^\| (\d+) \| (.+) \| (.+) \|$`)
	testName = regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)(?:/([^`]+))?`")
)

// TestTheFaultsAreShownByTestsThatExist keeps FAULTS.md from naming what is not
// there any more.
func TestTheFaultsAreShownByTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../FAULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]*tests{}
	rows := faultRow.FindAllStringSubmatch(string(text), -1)
	if len(rows) != faults {
		t.Errorf("%d faults, want %d", len(rows), faults)
	}
	for i, row := range rows {
		if n, err := strconv.Atoi(row[1]); err != nil || n != i+1 {
			t.Errorf("fault %s in the place of %d", row[1], i+1)
		}
		named := testName.FindAllStringSubmatch(row[3], -1)
		if len(named) == 0 && row[3] != "no test yet" {
			t.Errorf("fault %s neither names a test nor says that there is none: %s", row[1], row[3])
		}
		if quoted := strings.Count(row[3], "`") / 2; quoted != len(named) {
			t.Errorf("fault %s: of %d names in quotes %d are names of tests: %s", row[1], quoted, len(named), row[3])
		}
		for _, name := range named {
			if folders[name[1]] == nil {
				folders[name[1]] = testsOf(t, filepath.Join("../..", name[1]))
			}
			if missing := folders[name[1]].missing(name[2], name[3]); missing != "" {
				t.Errorf("fault %s: %s has no %s", row[1], name[1], missing)
			}
		}
	}
}

func TestATestThatDoesNotExistIsMissed(t *testing.T) {
	own := testsOf(t, ".")
	for name, want := range map[[2]string]string{
		{"TestScripts", "folders"}:                               "",
		{"TestScripts", "no_such_script"}:                        "script no_such_script",
		{"TestTheSampleSystem", "a second agent leaves at once"}: "",
		{"TestTheSampleSystem", "a third " + "one stays"}:        "a third one stays in TestTheSampleSystem",
		{"TestOf" + "Nothing", ""}:                               "TestOfNothing",
	} {
		if got := own.missing(name[0], name[1]); got != want {
			t.Errorf("of %q is missing %q, want %q", name, got, want)
		}
	}
}

// tests is what the test files of one folder hold.
type tests struct {
	dir       string
	functions map[string]bool
	texts     map[string]bool // string literals, which the names of subtests are
}

func testsOf(t *testing.T, dir string) *tests {
	t.Helper()
	found := &tests{dir: dir, functions: map[string]bool{}, texts: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("no tests in %s: %v", dir, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				found.functions[n.Name.Name] = n.Recv == nil
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil {
					found.texts[text] = true
				}
			}
			return true
		})
	}
	return found
}

// missing says what there is not of a test and its subtest, or "".
func (f *tests) missing(test, sub string) string {
	switch {
	case !f.functions[test]:
		return test
	case test == "TestScripts" && sub != "":
		if _, err := os.Stat(filepath.Join(f.dir, "testdata/script", sub+".txtar")); err != nil {
			return "script " + sub
		}
	case sub != "" && !f.texts[sub]:
		return fmt.Sprintf("%s in %s", sub, test)
	}
	return ""
}
