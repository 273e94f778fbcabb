package tool

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOutput(t *testing.T) {
	for _, test := range []struct {
		name   string
		pieces []string
		want   []string
	}{
		{"a line may come in pieces", []string{"one", " li", "ne\ntwo\n"}, []string{"one line", "two"}},
		{"a carriage return ends a line", []string{"10%\r20%\r\n"}, []string{"10%", "20%"}},
		{"the last line needs no end", []string{"end"}, []string{"end"}},
		{"empty lines are none", []string{"\n \n\x1b\na\n"}, []string{"a"}},
		{"escape codes lose their escape", []string{"\x1b[2Kx\ty\x00\n"}, []string{"[2Kx y"}},
		{"a line cannot be forged with other separators", []string{"a\u2028b\u0085c\n"}, []string{"abc"}},
		{"bytes that are no text are question marks", []string{"a\xff\xfeb\n"}, []string{"a?b"}},
		{"a long line is cut, in one piece or many", []string{strings.Repeat("x", 300), strings.Repeat("x", 300) + "\nnext\n"}, []string{strings.Repeat("x", longest), "next"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			o := &output{line: func(s string) { got = append(got, s) }}
			for _, p := range test.pieces {
				if n, err := o.Write([]byte(p)); n != len(p) || err != nil {
					t.Fatalf("write: %d, %v", n, err)
				}
			}
			o.flush()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTailKeepsTheLastLinesOnly(t *testing.T) {
	o := &output{line: func(string) {}}
	if got := o.tail(); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	for i := range 1000 {
		fmt.Fprintln(o, i)
	}
	if len(o.last) != lastLines || !strings.HasSuffix(o.tail(), "\n    998\n    999") {
		t.Errorf("%d lines: %s", len(o.last), o.tail())
	}
}
