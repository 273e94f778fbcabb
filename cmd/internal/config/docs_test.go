package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what follows from the keys anew: config.toml and docs/configuration.md")

func TestTheDocumentsFollowFromTheKeys(t *testing.T) {
	all := describe(t, "", new(Config))
	for path, text := range map[string]string{
		"../../../config.toml":           commented(t, shipped(t), all),
		"../../../docs/configuration.md": reference(all),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		is, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(is)); diff != "" {
			t.Errorf("%s: write it anew by go generate ./cmd/internal/config (-wanted +is):\n%s", filepath.Base(path), diff)
		}
	}
}

// described is a key with what is said of it: its field's comment.
type described struct {
	key
	table  string // "" at the top
	doc    string // sentences, without that about the default
	usual  string // that about the default, without "Default:"
	within []described
}

// describe finds each key's field by its address, and the comment in the source.
func describe(t *testing.T, where string, of table) []described {
	t.Helper()
	comments := fieldComments(t)
	v := reflect.ValueOf(of).Elem()
	var all []described
	for _, k := range of.keys() {
		d := described{key: k, table: where}
		at := reflect.ValueOf(k.to)
		g, many := k.to.(group)
		if many {
			at = reflect.ValueOf(g.all)
		}
		for i := range v.NumField() {
			if v.Field(i).Addr().Pointer() == at.Pointer() {
				d.doc, d.usual, _ = strings.Cut(comments[v.Type().Name()+"."+v.Type().Field(i).Name], " Default: ")
			}
		}
		if d.doc == "" {
			t.Errorf("the field of %s.%s has no comment", v.Type().Name(), k.name)
		}
		if many {
			d.within = describe(t, k.name, g.none)
		} else if in, ok := k.to.(table); ok {
			d.within = describe(t, k.name, in)
		}
		all = append(all, d)
	}
	return all
}

// fieldComments gives the comments of the fields of this package's structs.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, name := range field.Names {
						comments[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return true
		})
	}
	return comments
}

var (
	headerLine = regexp.MustCompile(`^#?\[\[?([a-z]+)`)
	keyLine    = regexp.MustCompile(`^#?([a-z_]+) *= `)
	followLine = regexp.MustCompile(`^ +#`)
	// A value, in which "#" may stand in quotes.
	settingOf = regexp.MustCompile(`^#?[a-z_]+ *= (?:"(?:[^"\\]|\\.)*"|'[^']*'|[^#"'])*`)
)

// commented gives a configuration with each key's comment beside its first mention.
// What else stands there stays, and keys that a line turns off by a "#" count as well.
func commented(t *testing.T, text string, all []described) string {
	t.Helper()
	said := map[string]bool{}
	keys, where, column := all, "", 0
	lines := strings.Split(text, "\n")
	var out []string
	for i, line := range lines {
		if m := headerLine.FindStringSubmatch(line); m != nil {
			where = m[1]
			keys = lookup(t, all, where).within
			column = 0
		}
		switch m := keyLine.FindStringSubmatch(line); {
		case m != nil:
			if column == 0 {
				column = columnOf(lines[i:])
			}
			setting := strings.TrimRight(settingOf.FindString(line), " ")
			about := ""
			if name := where + "." + m[1]; !said[name] {
				said[name] = true
				about = lookup(t, keys, m[1]).comment(setting)
			}
			out = append(out, beside(setting, about, column)...)
		case !followLine.MatchString(line):
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func lookup(t *testing.T, keys []described, name string) described {
	t.Helper()
	for _, d := range keys {
		if d.name == name {
			return d
		}
	}
	t.Fatalf("config.toml has %s, for which there is no key", name)
	panic("unreachable")
}

// columnOf gives the column of the comments in the table whose first key is in the
// first line: beside its longest setting that is not very long.
func columnOf(lines []string) int {
	widest := 0
	for _, line := range lines {
		if headerLine.MatchString(line) {
			break
		}
		if keyLine.MatchString(line) {
			if n := utf8.RuneCountInString(strings.TrimRight(settingOf.FindString(line), " ")); n <= 30 {
				widest = max(widest, n)
			}
		}
	}
	return widest + 3
}

// beside gives a setting and a comment from the column on, in as many lines as it takes.
func beside(setting, about string, column int) []string {
	const width = 92
	lines := []string{setting}
	line := setting + strings.Repeat(" ", max(0, column-utf8.RuneCountInString(setting))) + "#"
	if utf8.RuneCountInString(setting) > column-2 { // the comment begins below
		line = strings.Repeat(" ", column) + "#"
		lines = append(lines, "")
	}
	for word := range strings.FieldsSeq(about) {
		if utf8.RuneCountInString(line+" "+word) > width {
			lines = append(lines, "")
			line = strings.Repeat(" ", column) + "#"
		}
		line += " " + word
		lines[len(lines)-1] = line
	}
	if about == "" {
		return []string{setting}
	}
	return lines
}

// comment gives all that a reader of config.toml has to know of a key.
func (d described) comment(setting string) string {
	parts := []string{d.doc}
	if allowed := d.allowed(); allowed != "" {
		parts = append(parts, "Allowed: "+allowed+".")
	}
	_, value, _ := strings.Cut(setting, "= ")
	switch {
	case d.usual != "":
		parts = append(parts, "Default: "+d.usual)
	case d.preset != "" && d.preset != value:
		parts = append(parts, "Default: "+d.preset+".")
	}
	for _, in := range d.within {
		parts = append(parts, in.name+": "+in.comment(""))
	}
	return strings.Join(parts, " ")
}

// allowed gives the limits of a value, or the only ones.
func (d described) allowed() string {
	if d.values != nil {
		return quoted(d.values, "or")
	}
	return d.limits
}

// reference gives docs/configuration.md.
func reference(all []described) string {
	var b strings.Builder
	b.WriteString(`# The keys of the configuration

This page is made from the source: go generate ./cmd/internal/config. An unknown key, a wrong type or a name that does not exist is an error with its line and column; nothing is passed over.

| type | is written |
|---|---|
| text | ` + "`\"eth0\"`" + `, in one line |
| number | ` + "`8080`" + ` |
| truth value | ` + "`true`, `false`" + ` |
| texts | ` + "`[\"person\", \"session\"]`" + ` |
| texts by name | ` + "`{ Accept = \"text/html\" }`" + `, or a table of its own |
| duration | ` + "`\"20ms\"`, `\"1m30s\"`" + `: the units are ms, s, m and h |
| size | ` + "`\"512KiB\"`, `\"16MiB\"`, `\"1GiB\"`; or `\"512K\"`, `\"16M\"`, `\"1G\"`, the same" + ` |
| variables | ` + "`{ LOG_LEVEL = \"debug\" }`" + `, or a table like ` + "`[service.frontend.env]`" + ` |
| range | ` + "`\"10.0.3.128-10.0.3.253\"`" + `, both ends included |
| command | ` + "`\"notify-send jarloop\"`" + `, a command line of the shell, or ` + "`[\"notify-send\", \"jarloop\"]`" + `, its words |

A change of the file while the agent runs is taken up at once (live), waits until the agent is started anew (restart), or also deploys again the services that it is about (redeploy).

## At the top of the file

`)
	b.WriteString(keyTable(all))
	for _, d := range all {
		if len(d.within) == 0 {
			continue
		}
		title := "[" + d.name + "]"
		if g, many := d.to.(group); many && g.list {
			title = "[[" + d.name + "]]"
		} else if many {
			title = "[" + d.name + ".NAME]"
		}
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\n\n%s", title, d.doc, keyTable(d.within))
	}
	return b.String()
}

// keyTable gives the keys as a table of Markdown, without the tables among them, but
// with what these hold where they are written in braces.
func keyTable(keys []described) string {
	var b strings.Builder
	b.WriteString("| key | type | default | allowed | change | meaning |\n|---|---|---|---|---|---|\n")
	for _, d := range keys {
		if d.within == nil {
			b.WriteString(d.row(""))
		} else if d.table != "" {
			for _, in := range d.within {
				b.WriteString(in.row(d.name + "."))
			}
		}
	}
	return b.String()
}

func (d described) row(before string) string {
	usual := strings.TrimSuffix(d.usual, ".")
	switch {
	case usual != "":
	case d.required != "":
		usual = "required"
	case d.preset != "":
		usual = "`" + d.preset + "`"
	default:
		usual = "none"
	}
	return fmt.Sprintf("| `%s%s` | %s | %s | %s | %s | %s |\n", before, d.name, d.typeName(), usual, d.allowed(), d.change, d.doc)
}

func (d described) typeName() string {
	switch d.to.(type) {
	case *string:
		return "text"
	case *int:
		return "number"
	case *bool:
		return "truth value"
	case *[]string:
		return "texts"
	case *map[string]string:
		return "texts by name"
	case *Duration:
		return "duration"
	case *Size:
		return "size"
	case *CPUs:
		return "number"
	case *Range:
		return "range"
	case *Command:
		return "command"
	case *Paths:
		return "text or texts"
	case *Variables:
		return "variables"
	default:
		panic(fmt.Sprintf("%s is of type %T, which has no name yet", d.name, d.to))
	}
}
