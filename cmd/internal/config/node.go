package config

import (
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxDepth is how deep keys are followed. The deepest known key is
// service.NAME.health.timeout; what lies deeper lies in an unknown key, which is
// reported itself. The bound keeps [a.a.a.…] of a megabyte from costing its square.
const maxDepth = 6

// node is a key of the file: what stands there, and where. The library's own decoding
// into structs ends at the first wrong type, takes Port for port, and keeps no
// positions for what is checked afterwards.
type node struct {
	around *node  // the table or list that it stands in; nil: the file as a whole
	name   string // in quotes where TOML wants them; [1] in a list
	offset int    // in bytes; of what is around it where given is false; of the whole -1
	given  bool   // is in the file
	wrong  bool   // has a problem: what else could be said of it is noise

	kind  unstable.Kind    // Table and Array also for those that [headers] make
	text  string           // of a text, number or truth value
	names []string         // of what a table has in the file, in its order
	below map[string]*node // of a table, also those that are not in the file
	items []*node          // of a list
	set   bool             // stands for a value or has a [header]: not to be given again
}

// at gives the key of that name in a table, which need not be in the file.
func (n *node) at(name string) *node {
	child := n.below[name]
	if child == nil {
		child = &node{around: n, name: quotedName(name), offset: n.offset}
		if n.below == nil {
			n.below = map[string]*node{}
		}
		n.below[name] = child
	}
	return child
}

// key gives the node's dotted name, with elements of lists in brackets, as in
// service.web.needs[1].
func (n *node) key() string {
	switch {
	case n.around == nil:
		return ""
	case n.around.around == nil || n.name[0] == '[':
		return n.around.key() + n.name
	default:
		return n.around.key() + "." + n.name
	}
}

// known says whether the key, or a table or list that it stands in, has a problem.
func (n *node) known() bool {
	for ; n != nil; n = n.around {
		if n.wrong {
			return true
		}
	}
	return false
}

// quotedName gives a name as TOML has it.
func quotedName(name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !bare(r) }) {
		return strconv.Quote(name)
	}
	return name
}

func bare(r rune) bool {
	return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// tree is a whole file.
type tree struct {
	root   *node
	beyond *node // stands for all that lies deeper than maxDepth
	twice  []twice
}

// twice is a key that is given a second time.
type twice struct {
	*node
	again int // offset
}

// grow gives the keys of a document. It stops quietly where the TOML is malformed:
// saying so is the decoder's part.
func grow(data []byte) *tree {
	t := &tree{root: &node{kind: unstable.Table, given: true, offset: -1}, beyond: &node{}}
	var parser unstable.Parser
	parser.Reset(data)
	table := t.root
	for parser.NextExpression() {
		e := parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = t.header(e)
		case unstable.KeyValue:
			t.keyValue(table, e)
		}
	}
	return t
}

// header notes a [table] or [[list]] line and gives the table that follows it.
func (t *tree) header(e *unstable.Node) *node {
	n, depth := t.root, 0
	var last *unstable.Node
	for it := e.Key(); it.Next(); depth++ {
		last = it.Node()
		n = t.enter(n.latest(), last, depth)
	}
	if n == t.beyond {
		return n
	}
	if e.Kind == unstable.ArrayTable {
		n.kind = unstable.Array
		return t.item(n, last.Raw, unstable.Table)
	}
	n = n.latest()
	t.define(n, last)
	return n
}

// keyValue notes key = value inside a table, and what is inside the value.
func (t *tree) keyValue(n *node, e *unstable.Node) {
	depth := n.depth()
	var last *unstable.Node
	for it := e.Key(); it.Next(); depth++ {
		last = it.Node()
		n = t.enter(n, last, depth)
	}
	if n != t.beyond {
		t.define(n, last)
		t.value(n, e.Value(), depth)
	}
}

func (t *tree) value(n *node, v *unstable.Node, depth int) {
	n.kind = v.Kind
	switch v.Kind {
	case unstable.InlineTable:
		n.kind = unstable.Table
		for it := v.Children(); it.Next(); {
			t.keyValue(n, it.Node())
		}
	case unstable.Array:
		if depth >= maxDepth {
			return
		}
		for it := v.Children(); it.Next(); {
			t.value(t.item(n, it.Node().Raw, it.Node().Kind), it.Node(), depth+1)
		}
	default:
		n.text = string(v.Data)
	}
}

// item adds an element to a list. Lists in lists have no place of their own.
func (t *tree) item(list *node, where unstable.Range, kind unstable.Kind) *node {
	n := &node{around: list, name: "[" + strconv.Itoa(len(list.items)) + "]", given: true, kind: kind, offset: list.offset}
	if where.Length > 0 {
		n.offset = int(where.Offset)
	}
	list.items = append(list.items, n)
	return n
}

// enter gives what a part of a key names in a table.
func (t *tree) enter(table *node, part *unstable.Node, depth int) *node {
	if table == t.beyond || depth >= maxDepth {
		return t.beyond
	}
	name := string(part.Data)
	n := table.at(name)
	if !n.given {
		n.given, n.kind, n.offset = true, unstable.Table, int(part.Raw.Offset)
		table.names = append(table.names, name)
	}
	return n
}

// define notes that a key is given here, and whether it was before.
func (t *tree) define(n *node, part *unstable.Node) {
	if n.set {
		t.twice = append(t.twice, twice{n, int(part.Raw.Offset)})
	}
	n.set = true
}

// latest gives the newest element of a [[list]], to which TOML's headers refer, and
// any other node as it is.
func (n *node) latest() *node {
	if len(n.items) > 0 {
		return n.items[len(n.items)-1]
	}
	return n
}

func (n *node) depth() int {
	if n.around == nil {
		return 0
	}
	return 1 + n.around.depth()
}
