package deployer

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// A number names a generation, and does not order it: a standby that was made
// long ago may go live after what was made later.
func TestWhatWasLiveLaterIsLater(t *testing.T) {
	first := &Generation{Service: "a", Number: 1, Ordinal: 1, Phase: Draining}
	third := &Generation{Service: "a", Number: 3, Ordinal: 2, Phase: Draining}
	second := &Generation{Service: "a", Number: 2, Ordinal: 3, Phase: Live}
	again := &Generation{Service: "a", Number: 1, Ordinal: 4, Phase: Live}
	old := &Generation{Service: "a", Number: 9, Phase: Live}
	for _, c := range []struct {
		name       string
		later, one *Generation
	}{
		{"than none", first, nil},
		{"by the ordinal", third, first},
		{"by the ordinal, against the numbers", second, third},
		{"one that is live again", again, second},
		{"than one of an earlier version", first, old},
		{"by the number where no ordinal is known", &Generation{Number: 10}, old},
	} {
		if !c.later.later(c.one) || c.one != nil && c.one.later(c.later) {
			t.Errorf("%s: %+v is not later than %+v", c.name, c.later, c.one)
		}
	}
}

func TestCompare(t *testing.T) {
	want := []*Generation{
		{Number: 7, Phase: Live}, // of an earlier version
		{Number: 9, Phase: Draining, Ordinal: 1},
		{Number: 2, Phase: KeptFailure, Ordinal: 1}, // came when 9 was live
		{Number: 10, Phase: Candidate, Ordinal: 1},
		{Number: 3, Phase: Live, Ordinal: 2},
	}
	got := []*Generation{want[3], want[1], want[4], want[0], want[2]}
	slices.SortFunc(got, Compare)
	if !slices.Equal(got, want) {
		for _, g := range got {
			t.Errorf("%+v", g)
		}
	}
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	g := &Generation{
		Service: "web", Number: 8, Phase: Live, Set: "3fa2", Ordinal: 5, Address: netip.MustParseAddr("10.0.3.8"), Prefix: 24,
		VIP: netip.MustParseAddr("10.0.3.200"), Port: 80, Base: "base", Fingerprint: "f",
		Since: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), With: []string{"person-3"},
	}
	text, err := g.record()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseRecord("web-8", text)
	if err != nil {
		t.Fatal(err)
	}
	want := *g
	want.Format = recordFormat
	if !reflect.DeepEqual(got, &want) {
		t.Errorf("got %+v, want %+v", got, &want)
	}
}

func TestParseRecord(t *testing.T) {
	for _, c := range []struct {
		name, of, text string
		want           string // the error, or the generation's phase and ordinal
	}{
		{"one of an earlier version", "web-8", `{"Format":1,"Service":"web","Number":8,"Phase":"live","Set":"3fa2","Address":"10.0.3.8","Prefix":24,"Fixed":"10.0.3.200","Port":80,"Base":"base","Fingerprint":"f","Since":"2026-03-04T05:06:07Z"}`, ""},
		{"one that has no address yet", "web-8", `{"Format":1,"Service":"web","Number":8,"Phase":"making","Address":"","Base":"base","Fingerprint":"f","Since":"0001-01-01T00:00:00Z"}`, ""},
		{"one with what this version does not know", "web-8", `{"Format":1,"Service":"web","Number":8,"Phase":"live","Colour":"red"}`, ""},
		{"one of a newer version", "web-8", `{"Format":2,"Service":"web","Number":8}`, "read the record of web-8: written by a newer jarloop (format 2, this one knows 1)"},
		{"one of another instance", "web-9", `{"Format":1,"Service":"web","Number":8}`, "read the record of web-9: it has come with a copy, or by another name: remove it by hand"},
		{"half of one", "web-8", `{"Format":1,"Serv`, "read the record of web-8: unexpected end of JSON input"},
		{"none", "web-8", ``, "read the record of web-8: unexpected end of JSON input"},
	} {
		g, err := ParseRecord(c.of, []byte(c.text))
		switch {
		case c.want == "" && (err != nil || g.Name() != c.of || g.Ordinal != 0):
			t.Errorf("%s: %+v, %v", c.name, g, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	g, err := ParseRecord("web-8", []byte(`{"Format":1,"Service":"web","Number":8,"Phase":"live","Fixed":"10.0.3.200"}`))
	if err != nil || g.Phase != Live || g.VIP != netip.MustParseAddr("10.0.3.200") {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestParseName(t *testing.T) {
	for name, want := range map[string]struct {
		service string
		number  int
		ok      bool
	}{
		"web-8":                    {"web", 8, true},
		"a-b-12":                   {"a-b", 12, true},
		"web-0":                    {"web", 0, true},
		"web-08":                   {},
		"web":                      {},
		"Web-8":                    {},
		"-8":                       {},
		"web-":                     {},
		"web-8\n":                  {},
		"web-99999999999999999999": {"web", 0, false},
	} {
		service, number, ok := parseName(name)
		if ok != want.ok || ok && (service != want.service || number != want.number) {
			t.Errorf("%q: %q, %d, %t", name, service, number, ok)
		}
	}
}
