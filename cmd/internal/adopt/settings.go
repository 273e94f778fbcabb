package adopt

import (
	"bytes"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const mostSettings = 5000 // of one file; aliases in YAML can make many out of few

// readText reads a file's settings, by what its name says it is.
func parseText(name, content string) text {
	t := text{name: name, lines: strings.Split(content, "\n")}
	switch path.Ext(name) {
	case ".properties":
		t.settings = parseProperties(content)
	case ".yml", ".yaml", ".json":
		var whole bool
		if t.settings, whole = parseYAML(content); !whole {
			t.settings = parseLines(t.lines) // it is a template, or has tabs
		}
	default:
		t.settings = parseLines(t.lines)
	}
	return t
}

// isSettings says whether a file's name is that of a program's settings.
func isSettings(name string) bool {
	return slices.Contains([]string{".yml", ".yaml", ".properties", ".conf", ".json"}, path.Ext(name))
}

// find gives the first setting of a key. As with Spring and MicroProfile, case,
// dashes and underscores make no difference.
func (t text) find(key string) (setting, bool) {
	i := slices.IndexFunc(t.settings, func(s setting) bool { return relaxed(s.key) == relaxed(key) })
	if i < 0 {
		return setting{}, false
	}
	return t.settings[i], true
}

func relaxed(key string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(key))
}

// parseYAML flattens every document of a file; and says whether all of it is YAML.
func parseYAML(content string) ([]setting, bool) {
	decoder := yaml.NewDecoder(strings.NewReader(content))
	f := flattener{left: 20 * mostSettings}
	for part := 0; ; part++ {
		var n yaml.Node
		err := decoder.Decode(&n)
		if err != nil {
			return f.list, errors.Is(err, io.EOF)
		}
		f.flatten(&n, "", part, 0)
	}
}

type flattener struct {
	list []setting
	left int // nodes that may still be visited
}

func (f *flattener) flatten(n *yaml.Node, key string, part, depth int) {
	if f.left--; f.left < 0 || depth > 60 || len(f.list) >= mostSettings {
		return
	}
	switch n.Kind {
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, item := range n.Content {
			f.flatten(item, key, part, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			below := key
			if name := n.Content[i]; name.Tag != "!!merge" {
				below = strings.TrimPrefix(key+"."+name.Value, ".")
			}
			f.flatten(n.Content[i+1], below, part, depth+1)
		}
	case yaml.AliasNode:
		f.flatten(n.Alias, key, part, depth+1)
	case yaml.ScalarNode:
		f.list = append(f.list, setting{key, n.Value, n.Line, part})
	}
}

// parseProperties reads the format of java.util.Properties.
func parseProperties(content string) []setting {
	var list []setting
	lines := bytes.Split([]byte(content), []byte("\n"))
	part := 0
	for i := 0; i < len(lines) && len(list) < mostSettings; i++ {
		begin := i
		line := string(bytes.TrimSpace(lines[i]))
		if line == "#---" || line == "!---" { // Spring's way to part documents
			part++
		}
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for continues(line) && i+1 < len(lines) {
			i++
			line = line[:len(line)-1] + string(bytes.TrimSpace(lines[i]))
		}
		key, value := cutProperty(line)
		list = append(list, setting{key, value, begin + 1, part})
	}
	return list
}

// continues says whether a line ends in an odd number of backslashes.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// cutProperty parts a line at the first "=", ":" or blank that has no backslash.
func cutProperty(line string) (key, value string) {
	var b strings.Builder
	i := 0
	for ; i < len(line) && !strings.ContainsRune("=: \t", rune(line[i])); i++ {
		if line[i] == '\\' && i+1 < len(line) {
			i++
		}
		b.WriteByte(line[i])
	}
	value = strings.TrimLeft(line[i:], " \t")
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t")
	}
	return b.String(), strings.NewReplacer(`\\`, `\`, `\`, "").Replace(value)
}

var lineForm = regexp.MustCompile(`^(\s*(?:-\s+)?)["']?([A-Za-z0-9_.-]+)["']?\s*[:=]\s*(.*)$`)

// parseLines reads what only looks like settings: a key, ":" or "=", a value, and
// indents for what is below what.
func parseLines(lines []string) []setting {
	var list, above []setting // of those above, the part is the indent
	for i, l := range lines {
		m := lineForm.FindStringSubmatch(uncomment(l))
		if m == nil || len(list) >= mostSettings {
			continue
		}
		indent := len(m[1])
		for len(above) > 0 && above[len(above)-1].part >= indent {
			above = above[:len(above)-1]
		}
		key := m[2]
		if len(above) > 0 {
			key = above[len(above)-1].key + "." + key
		}
		above = append(above, setting{key: key, part: indent})
		list = append(list, setting{key, strings.Trim(strings.TrimSpace(m[3]), `"',;`), i + 1, 0})
	}
	return list
}

// uncomment takes a comment away: from a # at the start or after a blank on.
func uncomment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9_.]+)(?:(:-?)([^${}]*))?\}`)

// resolve puts in place of ${NAME:default} what a variable or the default says;
// what neither does stays.
func resolve(value string, env func(string) string) string {
	return placeholder.ReplaceAllStringFunc(value, func(found string) string {
		m := placeholder.FindStringSubmatch(found)
		if given := env(m[1]); given != "" {
			return given
		}
		if m[2] != "" {
			return m[3]
		}
		return found
	})
}
