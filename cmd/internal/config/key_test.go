package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// eachKey calls f for every key, and that of each table.
func eachKey(t *testing.T, f func(t *testing.T, k described)) {
	t.Helper()
	var walk func(keys []described)
	walk = func(keys []described) {
		for _, d := range keys {
			t.Run(d.table+"."+d.name, func(t *testing.T) { f(t, d) })
			walk(d.within)
		}
	}
	walk(describe(t, "", new(Config)))
}

// said gives what is said of a value of a key; "" if it is taken.
func said(k key, value string) string {
	r := &report{}
	r.read(grow([]byte(k.name+" = "+value)).root.at(k.name), k)
	if len(r.problems) == 0 {
		return ""
	}
	return r.problems[0].Text
}

func TestEveryKeyIsDeclaredWhole(t *testing.T) {
	eachKey(t, func(t *testing.T, k described) {
		if k.within != nil {
			if k.like == "" {
				t.Error("there is no example of the table")
			}
			return
		}
		if k.change != live && k.change != restart && k.change != redeploys {
			t.Errorf("nothing says what a change does: %q", k.change)
		}
		if k.example() == "" {
			t.Error("there is no example of a value")
		}
		if k.preset != "" && said(k.key, k.preset) != "" {
			t.Errorf("the default %s is refused: %s", k.preset, said(k.key, k.preset))
		}
		if k.like != "" && said(k.key, k.like) != "" {
			t.Errorf("the example %s is refused: %s", k.like, said(k.key, k.like))
		}
		if !strings.HasSuffix(k.doc, ".") || k.usual != "" && !strings.HasSuffix(k.usual, ".") {
			t.Error("the comment does not end with a full stop")
		}
	})
}

func TestLimitsAreInclusive(t *testing.T) {
	eachKey(t, func(t *testing.T, k described) {
		low, high, ok := strings.Cut(k.limits, " to ")
		if !ok {
			return
		}
		value := func(n int64) string {
			v := reflect.ValueOf(k.to).Elem()
			if v.Kind() == reflect.Struct {
				v = v.Field(0) // a Duration's
			}
			v.SetInt(n)
			if v.Kind() == reflect.Int {
				return written(k.to)
			}
			return fmt.Sprintf("%q", written(k.to))
		}
		least, most := measure(k.to, low), measure(k.to, high)
		for n, allowed := range map[int64]bool{least - 1: false, least: true, most: true, most + 1: false} {
			if text := value(n); (said(k.key, text) == "") != allowed {
				t.Errorf("%s within %s: %t, want %t", text, k.limits, !allowed, allowed)
			}
		}
	})
}

func TestEveryFieldHasAKey(t *testing.T) {
	var walk func(of table)
	walk = func(of table) {
		fields := map[uintptr]bool{}
		for _, k := range of.keys() {
			switch to := k.to.(type) {
			case group:
				fields[reflect.ValueOf(to.all).Pointer()] = true
				walk(to.none)
			case table:
				walk(to)
				fields[reflect.ValueOf(to).Pointer()] = true
			default:
				fields[reflect.ValueOf(to).Pointer()] = true
			}
		}
		v := reflect.ValueOf(of).Elem()
		for i := range v.NumField() {
			// All but the first follow from others, or from the command line.
			if name := v.Type().Field(i).Name; !slices.Contains([]string{"Name", "BuiltIn", "Environment", "Unready", "LeftOut"}, name) && !fields[v.Field(i).Addr().Pointer()] {
				t.Errorf("%s.%s has no key", v.Type(), name)
			}
		}
	}
	walk(new(Config))
}
