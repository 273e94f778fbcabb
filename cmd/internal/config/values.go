package config

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time, written as Go writes it: "100ms", "1m30s".
type Duration struct{ time.Duration }

// UnmarshalText reads a duration; its error quotes the text.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration", text)
	}
	d.Duration = v
	return nil
}

// MarshalText writes the duration without needless zeros: "1m", not "1m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String gives what MarshalText writes.
func (d Duration) String() string {
	s := d.Duration.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Size is a number of bytes, written with its unit: "512KiB", "16MiB", "1GiB", or as
// JVMs and Docker have them: "512K", "16M", "1G".
type Size int64

var units = []struct {
	name  string
	bytes Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}}

// UnmarshalText reads a size; its error quotes the text.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range units {
		digits, ok := strings.CutSuffix(string(text), unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
		if err != nil {
			break
		}
		*s = Size(n) * unit.bytes
		return nil
	}
	return fmt.Errorf("%q is not a size", text)
}

// MarshalText writes the size in the largest unit that divides it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String gives what MarshalText writes.
func (s Size) String() string {
	for _, unit := range units {
		if s != 0 && s%unit.bytes == 0 {
			return strconv.FormatInt(int64(s/unit.bytes), 10) + unit.name
		}
	}
	return "0B"
}

// CPUs is a number of processors, in thousandths.
type CPUs int

// cpus reads a number as TOML has it. What is no number of processors is -1.
func cpus(text string) CPUs {
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1e6 {
		return -1
	}
	return CPUs(math.Round(1000 * n))
}

// Number gives it as a number.
func (c CPUs) Number() float64 { return float64(c) / 1000 }

// String gives it as the file has it.
func (c CPUs) String() string { return strconv.FormatFloat(c.Number(), 'f', -1, 64) }

// Range is a run of IPv4 addresses, both ends included. The zero Range is none.
type Range struct{ First, Last netip.Addr }

// UnmarshalText reads FIRST-LAST; its error quotes the text.
func (r *Range) UnmarshalText(text []byte) error {
	first, last, ok := strings.Cut(string(text), "-")
	if !ok {
		return fmt.Errorf("%q is not two addresses with a dash between", text)
	}
	var v Range
	for _, end := range []struct {
		addr *netip.Addr
		text string
	}{{&v.First, first}, {&v.Last, last}} {
		addr, err := netip.ParseAddr(strings.TrimSpace(end.text))
		if err != nil || !addr.Is4() {
			return fmt.Errorf("%q is not an IPv4 address", strings.TrimSpace(end.text))
		}
		*end.addr = addr
	}
	*r = v
	return nil
}

// MarshalText writes FIRST-LAST, and nothing for the zero Range.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String gives what MarshalText writes.
func (r Range) String() string {
	if r.IsZero() {
		return ""
	}
	return r.First.String() + "-" + r.Last.String()
}

// IsZero says whether no range is given.
func (r Range) IsZero() bool { return r == Range{} }

// Command is a command of the VM: argv, or none. A command line is one for the shell.
type Command []string

// written gives what to points to, a number, duration or size, as the file has it.
func written(to any) string { return fmt.Sprint(reflect.ValueOf(to).Elem()) }

// measure reads what written gives, of the same type as to, for comparisons.
func measure(to any, text string) int64 {
	switch to.(type) {
	case *Duration:
		var d Duration
		_ = d.UnmarshalText([]byte(text)) // the table of keys is right: a test reads it
		return int64(d.Duration)
	case *Size:
		var s Size
		_ = s.UnmarshalText([]byte(text))
		return int64(s)
	case *CPUs:
		return int64(cpus(text))
	default:
		n, _ := strconv.ParseInt(text, 10, 64)
		return n
	}
}
