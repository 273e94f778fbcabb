package config

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// fill puts what the file says in a table into what the keys point to, and defaults
// where it says nothing. A value that is wrong becomes its default as well, so that
// one mistake does not look like several.
func (r *report) fill(n *node, keys []key) {
	r.unknown(n, keys)
	for _, k := range keys {
		r.read(n.at(k.name), k)
	}
}

func (r *report) read(n *node, k key) {
	switch to := k.to.(type) {
	case table:
		r.ofKind(n, unstable.Table, "a table like "+k.like)
		r.fill(n, to.keys())
		return
	case group:
		r.group(n, k, to)
		return
	}
	if n.given {
		r.value(n, k)
		r.limits(n, k)
	} else if k.required != "" {
		r.add(n, "missing; add %s = %s, %s", k.name, k.example(), k.required)
	}
	if k.preset != "" && (!n.given || n.known()) {
		preset := grow([]byte("preset = " + k.preset)).root.at("preset")
		new(report).value(preset, k)
	}
}

// group makes one of a group for each of the tables in the file.
func (r *report) group(n *node, k key, g group) {
	if g.list {
		r.ofKind(n, unstable.Array, "a list of tables like "+k.like)
		for _, item := range n.items {
			r.ofKind(item, unstable.Table, "a table like "+k.like)
			r.fill(item, g.add("").keys())
		}
		return
	}
	r.ofKind(n, unstable.Table, "a table like "+k.like)
	for _, name := range n.names {
		r.ofKind(n.at(name), unstable.Table, "a table like "+k.like)
		r.fill(n.at(name), g.add(name).keys())
	}
}

// limits refuses a number outside of the key's limits.
func (r *report) limits(n *node, k key) {
	low, high, ok := strings.Cut(k.limits, " to ")
	if !ok || n.known() {
		return
	}
	text := written(k.to)
	if value := measure(k.to, text); value >= measure(k.to, low) && value <= measure(k.to, high) {
		return
	}
	is, otherwise := "is out of range", ""
	if k.is != "" {
		is = "is not " + k.is
	}
	if k.required == "" && k.preset == "" {
		otherwise = ", or leave it out"
	}
	r.add(n, "%s %s; give %s%s", text, is, k.limits, otherwise)
}
