package config

import (
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxDepth is how deep keys are followed. The deepest known key is
// service.NAME.health.timeout; what lies deeper lies in an unknown key, which is
// reported itself. The bound keeps [a.a.a.…] of a megabyte from costing its square.
const maxDepth = 6

// places knows where in a file each key stands, what was written, and in which
// order. Keys are dotted paths with list elements in brackets: service.web.needs[1].
type places struct {
	starts   []int               // offset of each line
	at       map[string]int      // key → line
	children map[string][]string // table → names in it, by first mention
	defined  map[string]int      // keys that stand for a value or have a [header] → line
	lengths  map[string]int      // [[list]] → elements so far
	twice    []twice
}

// twice is a key that is given a second time.
type twice struct {
	key         string
	line, first int
}

// locate walks a document. It stops quietly where the TOML is malformed: saying so
// is the decoder's part.
func locate(data []byte) *places {
	p := &places{
		starts: []int{0}, at: map[string]int{}, children: map[string][]string{},
		defined: map[string]int{}, lengths: map[string]int{},
	}
	for i, b := range data {
		if b == '\n' {
			p.starts = append(p.starts, i+1)
		}
	}
	var parser unstable.Parser
	parser.Reset(data)
	table := ""
	for parser.NextExpression() {
		e := parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = p.header(e)
		case unstable.KeyValue:
			p.keyValue(table, e, depth(table))
		}
	}
	return p
}

// header notes a [table] or [[list]] line and gives the key of what follows it.
func (p *places) header(e *unstable.Node) string {
	key, line, n := "", 0, 0
	for it := e.Key(); it.Next(); n++ {
		line = p.lineAt(it.Node())
		if n == maxDepth {
			return beyond
		}
		key = p.enter(p.latest(key), string(it.Node().Data), line)
	}
	if e.Kind == unstable.ArrayTable {
		key = element(key, p.lengths[key])
		p.lengths[around(key)]++
		p.at[key] = line
		return key
	}
	key = p.latest(key)
	p.define(key, line)
	return key
}

// beyond is the table of keys that lie deeper than maxDepth.
const beyond = "\x00"

// keyValue notes key = value inside a table, and what is inside the value.
func (p *places) keyValue(table string, e *unstable.Node, n int) {
	if table == beyond {
		return
	}
	key, line := table, 0
	for it := e.Key(); it.Next(); n++ {
		if n == maxDepth {
			return
		}
		line = p.lineAt(it.Node())
		key = p.enter(key, string(it.Node().Data), line)
	}
	p.define(key, line)
	p.value(key, line, e.Value(), n)
}

func (p *places) value(key string, line int, v *unstable.Node, n int) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			p.keyValue(key, it.Node(), n)
		}
	case unstable.Array:
		if n >= maxDepth {
			return
		}
		i := 0
		for it := v.Children(); it.Next(); i++ {
			at := line
			if it.Node().Raw.Length > 0 { // arrays have none
				at = p.lineAt(it.Node())
			}
			p.at[element(key, i)] = at
			p.value(element(key, i), at, it.Node(), n+1)
		}
	}
}

// enter notes a name in a table and gives its key.
func (p *places) enter(table, name string, line int) string {
	key := join(table, name)
	if _, ok := p.at[key]; !ok {
		p.at[key] = line
		p.children[table] = append(p.children[table], name)
	}
	return key
}

// define notes that a key is given here, and whether it was before.
func (p *places) define(key string, line int) {
	if first, ok := p.defined[key]; ok {
		p.twice = append(p.twice, twice{key: key, line: line, first: first})
		return
	}
	p.defined[key] = line
}

// latest gives the newest element of a [[list]], to which TOML's headers refer, and
// any other key as it is.
func (p *places) latest(key string) string {
	if n := p.lengths[key]; n > 0 {
		return element(key, n-1)
	}
	return key
}

func (p *places) lineAt(n *unstable.Node) int {
	offset := int(n.Raw.Offset)
	return sort.Search(len(p.starts), func(i int) bool { return p.starts[i] > offset })
}

// given says whether the file has the key.
func (p *places) given(key string) bool {
	_, ok := p.at[key]
	return ok
}

// keys gives the names in a table, in the order of the file.
func (p *places) keys(table string) []string { return p.children[table] }

// line gives the line of a key, or of the nearest table around it that is in the
// file; 0 if there is none.
func (p *places) line(key string) int {
	for key != "" {
		if line, ok := p.at[key]; ok {
			return line
		}
		key = around(key)
	}
	return 0
}

// join gives the key of a name in a table. Names that TOML would quote are quoted.
func join(table, name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !bare(r) }) {
		name = strconv.Quote(name)
	}
	if table == "" {
		return name
	}
	return table + "." + name
}

func bare(r rune) bool {
	return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func element(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// around gives the key of the table or list that a key stands in; "" at the top. A
// dot in a quoted name gives a key that nobody has, which is looked up in vain.
func around(key string) string { return key[:max(strings.LastIndexAny(key, ".["), 0)] }

func depth(key string) int {
	if key == "" {
		return 0
	}
	return 1 + strings.Count(key, ".")
}
