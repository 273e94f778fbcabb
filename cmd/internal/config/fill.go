package config

import (
	"cmp"
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// filler puts decoded TOML into the document, by its tags. Unlike the library's own
// strict decoding it goes on after the first wrong type, does not take a key for
// another that differs in case, and knows the line of each value.
type filler struct {
	places *places
	report *report
}

func (f *filler) fill(d *document, tables map[string]any) {
	f.table(reflect.ValueOf(d).Elem(), tables, "")
}

// value fills v with what stands at key; tag is that of the field it belongs to.
func (f *filler) value(v reflect.Value, raw any, key string, tag reflect.StructTag) {
	switch target := v.Addr().Interface().(type) {
	case encoding.TextUnmarshaler:
		f.text(target, raw, key, tag)
		return
	case *Command:
		if s, ok := raw.(string); ok {
			*target = Command{"/bin/sh", "-c", s}
			f.plain(s, key, tag)
			return
		}
		if f.compound(v, raw, key, tag) {
			return
		}
	case *string:
		if s, ok := raw.(string); ok {
			*target = s
			f.plain(s, key, tag)
			return
		}
	case *int:
		if n, ok := raw.(int64); ok && int64(int(n)) == n {
			*target = int(n)
			return
		}
	case *bool:
		if b, ok := raw.(bool); ok {
			*target = b
			return
		}
	default:
		if f.compound(v, raw, key, tag) {
			return
		}
	}
	f.report.add(key, "must be %s, not %s", wanted(v.Type(), tag.Get("like")), found(raw))
}

// compound fills tables and lists; false: raw is not one of the right kind.
func (f *filler) compound(v reflect.Value, raw any, key string, tag reflect.StructTag) bool {
	if v.Kind() == reflect.Slice {
		list, ok := raw.([]any)
		if !ok {
			return false
		}
		if len(list) == 0 {
			return true // stays nil, so that [] and leaving it out compare equal
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i := range list {
			f.value(v.Index(i), list[i], element(key, i), elementTag(v.Type(), tag))
		}
		return true
	}
	table, ok := raw.(map[string]any)
	if !ok {
		return false
	}
	if v.Kind() == reflect.Struct {
		f.table(v, table, key)
		return true
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, name := range f.sorted(table, key) {
		elem := reflect.New(v.Type().Elem()).Elem()
		f.value(elem, table[name], join(key, name), tag)
		v.SetMapIndex(reflect.ValueOf(name), elem)
	}
	return true
}

// table fills a struct and reports keys that it does not have.
func (f *filler) table(v reflect.Value, table map[string]any, key string) {
	names := fieldNames(v.Type())
	for _, name := range f.sorted(table, key) {
		i, ok := names[name]
		if !ok {
			f.unknown(v.Type(), key, name)
			continue
		}
		f.value(v.Field(i), table[name], join(key, name), v.Type().Field(i).Tag)
	}
}

// sorted gives the names in a table in the order of their lines.
func (f *filler) sorted(table map[string]any, key string) []string {
	return slices.SortedFunc(maps.Keys(table), func(a, b string) int {
		return cmp.Or(
			cmp.Compare(f.places.line(join(key, a)), f.places.line(join(key, b))),
			strings.Compare(a, b),
		)
	})
}

// text fills values that are written as a string in a form of their own.
func (f *filler) text(target encoding.TextUnmarshaler, raw any, key string, tag reflect.StructTag) {
	s, ok := raw.(string)
	if !ok {
		f.report.add(key, "must be a string like %s, not %s", tag.Get("like"), found(raw))
		return
	}
	if err := target.UnmarshalText([]byte(s)); err != nil {
		f.report.add(key, "%v; write it like %s", err, tag.Get("like"))
	}
}

// plain refuses control characters: values end up in unit files, hosts files and on
// terminals, where a line break or an escape code would be more than text.
func (f *filler) plain(s, key string, tag reflect.StructTag) {
	for _, r := range s {
		if !unicode.IsControl(r) || tag.Get("text") == "lines" && (r == '\n' || r == '\t') {
			continue
		}
		if r == '\n' {
			f.report.add(key, `must be one line; inside """ a line that ends in \ goes on in the next`)
		} else {
			f.report.add(key, "contains the control character %U; remove it", r)
		}
		return
	}
}

// unknown reports a key that a table does not have, with the likeliest remedy.
func (f *filler) unknown(t reflect.Type, key, name string) {
	var here []string
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("toml"); tag != "-" {
			here = append(here, tag)
		}
	}
	if nearest(name, here) == "" {
		if home := homeOf(name, t); home != "" {
			f.report.add(join(key, name), "unknown key here; %q belongs %s", name, home)
			return
		}
	}
	f.report.add(join(key, name), "unknown key%s", meant(name, here, "; known here: "+listed(here, "and")))
}

// homeOf gives the place where a key would be right, other than t; "" if none is.
func homeOf(name string, t reflect.Type) string {
	top := reflect.TypeFor[document]()
	if _, ok := fieldNames(top)[name]; ok && t != top {
		return "at the top of the file, above the first [table]"
	}
	for i := range top.NumField() {
		table := top.Field(i).Type
		if table.Kind() == reflect.Map || table.Kind() == reflect.Slice {
			table = table.Elem()
		}
		if table.Kind() != reflect.Struct || table == t {
			continue
		}
		if _, ok := fieldNames(table)[name]; ok {
			return "in a table like " + top.Field(i).Tag.Get("like")
		}
	}
	return ""
}

// fieldNames gives the index of each field that a TOML key fills.
func fieldNames(t reflect.Type) map[string]int {
	names := map[string]int{}
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("toml"); tag != "" && tag != "-" {
			names[tag] = i
		}
	}
	return names
}

// elementTag gives the tag of a list's elements: the same, with the example that fits
// one of them.
func elementTag(list reflect.Type, tag reflect.StructTag) reflect.StructTag {
	like := tag.Get("like")
	if list.Elem().Kind() == reflect.String {
		like, _, _ = strings.Cut(strings.Trim(like, "[]"), ", ")
	}
	return reflect.StructTag(fmt.Sprintf("like:%q text:%q", like, tag.Get("text")))
}

// wanted says what a value of the type looks like in the file.
func wanted(t reflect.Type, like string) string {
	if t == reflect.TypeFor[Command]() {
		return "a command line like " + like + ", or a list of its words"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string like " + like
	case reflect.Int:
		return "a whole number like " + like
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return "a list of tables like " + like
		}
		return "a list of strings like " + like
	default:
		return "a table like " + like
	}
}

// found names what the file has instead.
func found(raw any) string {
	switch raw.(type) {
	case string:
		return "a string"
	case int64:
		return "a whole number"
	case float64:
		return "a fraction"
	case bool:
		return "a truth value"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	default:
		return "a date or time"
	}
}
