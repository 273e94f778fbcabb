package config

import (
	"encoding"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2/unstable"
)

// value reads one value.
func (r *report) value(n *node, k key) {
	switch to := k.to.(type) {
	case *string:
		*to = r.oneText(n, k)
	case *int:
		r.ofKind(n, unstable.Integer, "a whole number like "+k.example())
		number, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, strconv.IntSize)
		if *to = int(number); err != nil {
			r.add(n, "is too large")
		}
	case *CPUs:
		if n.kind == unstable.Integer || r.ofKind(n, unstable.Float, "a number like "+k.example()) {
			*to = cpus(n.text)
		}
	case *bool:
		r.ofKind(n, unstable.Bool, "true or false")
		*to = n.text == "true"
	case *[]string:
		if r.ofKind(n, unstable.Array, "a list of strings like "+k.example()) {
			*to = r.texts(n, k)
		}
	case *map[string]string:
		if r.ofKind(n, unstable.Table, "a table of texts like "+k.example()) {
			*to = r.textsByName(n, k)
		}
	case *Command:
		r.command(n, k, to)
	case *Paths:
		switch n.kind {
		case unstable.String:
			*to = Paths{r.oneText(n, k)}
		case unstable.Array:
			*to = r.texts(n, k)
		default:
			r.add(n, "must be a file like %s, or a list of them, not %s", k.example(), found(n.kind))
		}
	case *Variables:
		r.variables(n, k, to)
	case encoding.TextUnmarshaler:
		if !r.ofKind(n, unstable.String, "a string like "+k.example()) {
			return
		}
		if err := to.UnmarshalText([]byte(n.text)); err != nil {
			r.add(n, "%v; write it like %s", err, k.example())
		}
	}
}

// command reads a command line for the shell, or the words of a command.
func (r *report) command(n *node, k key, to *Command) {
	switch n.kind {
	case unstable.String:
		r.plain(n, k)
		*to = Command{"/bin/sh", "-c", n.text}
	case unstable.Array:
		*to = r.texts(n, k)
	default:
		r.add(n, "must be a command line like %s, or a list of its words, not %s", k.example(), found(n.kind))
		return
	}
	if len(*to) == 0 || strings.TrimSpace((*to)[0]) == "" || n.kind == unstable.String && strings.TrimSpace(n.text) == "" {
		r.add(n, "is empty; give a command, or leave it out")
	}
}

// texts reads a list of texts. It gives nil for an empty one, so that [] and leaving it
// out compare equal.
func (r *report) texts(n *node, k key) []string {
	k.like, _, _ = strings.Cut(strings.Trim(k.example(), "[]"), ", ")
	var list []string
	for _, item := range n.items {
		list = append(list, r.oneText(item, k))
	}
	return list
}

// textsByName reads a table of texts; what may be wrong with one is asked of both, as
// NAME: TEXT.
func (r *report) textsByName(n *node, k key) map[string]string {
	wrong := k.wrong
	_, k.like, _ = strings.Cut(strings.Trim(k.example(), "{} "), " = ")
	all := map[string]string{}
	for _, name := range n.names {
		k.wrong = func(text string) string {
			if wrong == nil {
				return ""
			}
			return wrong(name + ": " + text)
		}
		all[name] = r.oneText(n.at(name), k)
	}
	return all
}

// variables reads a table of them.
func (r *report) variables(n *node, k key, to *Variables) {
	if !r.ofKind(n, unstable.Table, "a table like "+k.example()) {
		return
	}
	value := key{name: k.name, like: `"debug"`, lines: true}
	for _, name := range n.names {
		at := n.at(name)
		if reason := wrongVariable(at.path()); reason != "" {
			r.add(at, "%s", reason)
			continue
		}
		if *to == nil {
			*to = Variables{}
		}
		(*to)[name] = r.oneText(at, value)
		if reason := wrongValue(name, at.text); reason != "" {
			r.add(at, "%s", reason)
		}
	}
}

// path gives the name of a variable, which TOML takes for a table in a table where it
// has dots.
func (n *node) path() string {
	name := strings.Trim(n.name, `"`)
	if n.kind == unstable.Table && len(n.names) > 0 {
		name += "." + n.at(n.names[0]).path()
	}
	return name
}

func (r *report) oneText(n *node, k key) string {
	if !r.ofKind(n, unstable.String, "a string like "+k.example()) {
		return ""
	}
	r.plain(n, k)
	if say, ok := k.gone[n.text]; ok {
		r.add(n, "%q %s", n.text, say)
	}
	if k.values != nil && !slices.Contains(k.values, n.text) {
		r.add(n, "%q is none of %s%s", n.text, quoted(k.values, "and"), Meant(n.text, k.values, ""))
	}
	if k.wrong != nil {
		if reason := k.wrong(n.text); reason != "" {
			r.add(n, "%s", reason)
		}
	}
	return n.text
}

// plain refuses control characters: values end up in unit files, hosts files and on
// terminals, where a line break or an escape code would be more than text.
func (r *report) plain(n *node, k key) {
	if reason := wrongCharacter(n.text, k.lines); reason != "" {
		r.add(n, "%s", reason)
	}
}

// wrongCharacter says which character a text cannot have, "" if it has none.
func wrongCharacter(text string, lines bool) string {
	for _, c := range text {
		switch {
		case !unicode.IsControl(c), lines && (c == '\n' || c == '\t'):
		case c == '\n':
			return `must be one line; inside """ a line that ends in \ goes on in the next`
		default:
			return fmt.Sprintf("contains the control character %U; remove it", c)
		}
	}
	return ""
}

// ofKind says whether a key is of the kind that it has to be, if it is in the file.
func (r *report) ofKind(n *node, kind unstable.Kind, wanted string) bool {
	if n.given && n.kind != kind {
		r.add(n, "must be %s, not %s", wanted, found(n.kind))
		return false
	}
	return true
}

// found names what the file has instead.
func found(kind unstable.Kind) string {
	switch kind {
	case unstable.String:
		return "a string"
	case unstable.Integer:
		return "a whole number"
	case unstable.Float:
		return "a fraction"
	case unstable.Bool:
		return "a truth value"
	case unstable.Array:
		return "a list"
	case unstable.Table:
		return "a table"
	default:
		return "a date or time"
	}
}
