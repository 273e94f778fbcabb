package page_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/browser"
)

// most is how much the page may have in all.
const most = 150_000

func TestThePageIsSmall(t *testing.T) {
	sum := int64(0)
	err := filepath.Walk("web", func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			sum += info.Size()
		}
		return err
	})
	if err != nil || sum == 0 || sum > most {
		t.Errorf("the page has %d bytes of at most %d: %v", sum, most, err)
	}
}

// module opens a tab that can import the page's modules.
func module(t *testing.T) *browser.Tab {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir("web")))
	t.Cleanup(server.Close)
	b, err := browser.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	tab, err := b.Open(800, 600, server.URL+"/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// call calls what a module exports with values.
func call[T any](t *testing.T, tab *browser.Tab, from, function string, arguments ...any) T {
	t.Helper()
	text, err := json.Marshal(append([]any{}, arguments...))
	if err != nil {
		t.Fatal(err)
	}
	got, err := browser.Eval[T](tab, fmt.Sprintf("import('/%s').then((m) => (%s)(...%s))", from, function, text))
	if err != nil {
		t.Fatalf("%s of %s: %v", function, from, err)
	}
	return got
}

type node struct {
	Name  string   `json:"name"`
	Calls []string `json:"calls"`
	Entry bool     `json:"entry"`
}

type place struct{ X, Y, Layer float64 }

type graph struct {
	Nodes map[string]place
	Edges []struct {
		From, To string
		Back     bool
		Points   []place
	}
	Layers        [][]string
	Width, Height float64
}

const laid = `(services, size) => {
	const l = m.layout(services, size);
	return { Nodes: Object.fromEntries([...l.nodes].map(([n, p]) => [n, { X: p.x, Y: p.y, Layer: p.layer }])), Layers: l.layers, Width: l.width, Height: l.height,
		Edges: l.edges.map((e) => ({ From: e.from, To: e.to, Back: !!e.back, Points: e.points.map((p) => ({ X: p.x, Y: p.y })) })) };
}`

var size = map[string]int{"nodeWidth": 200, "nodeHeight": 100, "gapX": 50, "gapY": 20}

func TestLayout(t *testing.T) {
	tab := module(t)
	sample := []node{
		{Name: "person", Calls: []string{"authorisation", "database"}},
		{Name: "web", Calls: []string{"frontend"}, Entry: true},
		{Name: "database"}, {Name: "authorisation"},
		{Name: "session", Calls: []string{"database"}},
		{Name: "frontend", Calls: []string{"authentication", "session", "person", "payments"}},
		{Name: "authentication", Calls: []string{"authorisation"}},
	}
	var forty []node
	for i := range 40 {
		n := node{Name: fmt.Sprintf("service%02d", i), Entry: i < 2}
		for _, to := range []int{2*i + 3, i + 7, i + 13} {
			if to < 40 {
				n.Calls = append(n.Calls, fmt.Sprintf("service%02d", to))
			}
		}
		forty = append(forty, n)
	}
	for name, c := range map[string]struct {
		services []node
		layers   [][]string // nil: whatever they are
		back     int
		rows     int // 0: as many as there are
	}{
		"nothing":             {},
		"the sample system":   {sample, [][]string{{"web"}, {"frontend"}, {"authentication", "person", "session"}, {"authorisation", "database"}}, 0, 0},
		"forty services":      {forty, nil, 0, 0},
		"a circle":            {[]node{{"a", []string{"b"}, true}, {"b", []string{"c"}, false}, {"c", []string{"a"}, false}}, [][]string{{"a"}, {"b"}, {"c"}}, 1, 0},
		"a call of oneself":   {[]node{{"a", []string{"a"}, false}}, [][]string{{"a"}}, 0, 0},
		"a call of a strange": {[]node{{"a", []string{"nobody"}, false}}, [][]string{{"a"}}, 0, 0},
		"who is called by nobody": {[]node{
			{"web", []string{"a"}, true}, {"a", []string{"b"}, false}, {"b", nil, false}, {"worker", []string{"b"}, false}, {"published", []string{"b"}, true},
		}, [][]string{{"published", "web"}, {"a", "worker"}, {"b"}}, 0, 0},
		"a layer that is too tall": {[]node{
			{"a", []string{"z"}, true}, {"b", []string{"z"}, false}, {"c", []string{"z"}, false}, {"d", []string{"z"}, false}, {"e", []string{"z"}, false}, {"z", nil, false},
		}, [][]string{{"a", "b"}, {"c", "d"}, {"e"}, {"z"}}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			size := maps.Clone(size)
			if c.rows > 0 {
				size["rows"] = c.rows
			}
			g := call[graph](t, tab, "layout.js", laid, slices.Clip(append([]node{}, c.services...)), size)
			for _, l := range g.Layers {
				slices.Sort(l)
			}
			if c.layers != nil && !cmp.Equal(g.Layers, c.layers) {
				t.Errorf("the layers are %v, not %v", g.Layers, c.layers)
			}
			if len(g.Nodes) != len(c.services) {
				t.Errorf("%d of %d services have a place", len(g.Nodes), len(c.services))
			}
			apart(t, g)
			back := 0
			for _, e := range g.Edges {
				if e.Back {
					back++
				} else if g.Nodes[e.From].Layer >= g.Nodes[e.To].Layer {
					t.Errorf("%s calls %s and does not stand before it", e.From, e.To)
				}
			}
			if back != c.back {
				t.Errorf("%d edges run back, not %d", back, c.back)
			}
			slices.Reverse(c.services)
			if again := call[graph](t, tab, "layout.js", laid, append([]node{}, c.services...), size); !cmp.Equal(g.Nodes, again.Nodes) {
				t.Errorf("the places depend on the order of the services: %s", cmp.Diff(g.Nodes, again.Nodes))
			}
		})
	}
}

// apart says whether cards cover each other, or an edge runs through a card.
func apart(t *testing.T, g graph) {
	t.Helper()
	for a, p := range g.Nodes {
		if p.X < 0 || p.Y < 0 || p.X+200 > g.Width || p.Y+100 > g.Height {
			t.Errorf("%s stands outside: %v", a, p)
		}
		for b, q := range g.Nodes {
			if a < b && p.X < q.X+200 && q.X < p.X+200 && p.Y < q.Y+100 && q.Y < p.Y+100 {
				t.Errorf("%s and %s cover each other", a, b)
			}
		}
		for _, e := range g.Edges {
			for _, point := range e.Points {
				if a != e.From && a != e.To && point.X >= p.X && point.X <= p.X+200 && point.Y > p.Y && point.Y < p.Y+100 {
					t.Errorf("the edge from %s to %s runs through %s", e.From, e.To, a)
				}
			}
		}
	}
}

type span struct {
	Text    string `json:"text"`
	Classes string `json:"classes"`
	Mark    bool   `json:"mark"`
}

func TestColoursOfALine(t *testing.T) {
	tab := module(t)
	for line, want := range map[string][]span{
		"plain":                                  {{Text: "plain"}},
		"":                                       {},
		"\x1b[31mred\x1b[0m and not":             {{Text: "red", Classes: "a-red"}, {Text: " and not"}},
		"\x1b[1;32;44mall\x1b[m":                 {{Text: "all", Classes: "a-bold a-green a-on-blue"}},
		"\x1b[38;5;196mcube\x1b[39m":             {{Text: "cube", Classes: "a-red"}},
		"\x1b[38;2;0;0;0;1mfull":                 {{Text: "full", Classes: "a-bold a-black"}},
		"\x1b[7mturned":                          {{Text: "turned", Classes: "a-inverse a-on-inverse"}},
		"a\x1b[2Jb\x1b]0;title\x07c\x1b(Bd":      {{Text: "abcd"}},
		"\x1b[31m\x1b[0mnothing":                 {{Text: "nothing"}},
		"<b>\x1b[999mno\x1b[38;5mmarkup</b>\x1b": {{Text: "<b>nomarkup</b>"}},
		"cut \x1b[3":                             {{Text: "cut "}},
	} {
		if got := call[[]span](t, tab, "ansi.js", "(l) => m.spans(l)", line); !slices.Equal(got, want) {
			t.Errorf("%q becomes %+v, not %+v", line, got, want)
		}
	}
}

func TestMarksOfAFilter(t *testing.T) {
	tab := module(t)
	const of = "(typed, line) => m.marked([{ text: line.slice(0, 4), classes: 'a-red' }, { text: line.slice(4), classes: '' }], m.pattern(typed).ranges(line)).map((s) => (s.mark ? `<${s.text}>` : s.text)).join('|')"
	for _, c := range [][3]string{
		{"", "some text", "some| text"},
		{"TEXT", "some text", "some| |<text>"},
		{"me te", "some text", "so|<me>|< te>|xt"},
		{"/[st]/", "some text", "<s>|ome| |<t>|ex|<t>"},
		{"/S/", "some text", "some| text"},
		{"/S/i", "some text", "<s>|ome| text"},
		{"/x*/", "some text", "some| te|<x>|t"},
		{"/(/", "some text", "some| text"},
	} {
		if got := call[string](t, tab, "filter.js", of, c[0], c[1]); got != c[2] {
			t.Errorf("%q marks %q, not %q", c[0], got, c[2])
		}
	}
	if why := call[string](t, tab, "filter.js", "(typed) => m.pattern(typed).error ?? ''", "/(/"); !strings.HasPrefix(why, "not a pattern") {
		t.Errorf("of a broken pattern it is said %q", why)
	}
}

func TestEventsInPieces(t *testing.T) {
	tab := module(t)
	const of = "(pieces) => { const out = []; const feed = m.parser((n, d) => out.push(`${n} ${JSON.stringify(d)}`)); pieces.forEach(feed); return out; }"
	text := "retry: 1000\n\n: alive\n\nevent: lines\nid: 7-1\ndata: {\"a\":\ndata: 1}\n\ndata: 2\n\n"
	want := []string{`lines {"a":1}`, "message 2"}
	for cut := range len(text) {
		if got := call[[]string](t, tab, "api.js", of, []string{text[:cut], text[cut:]}); !slices.Equal(got, want) {
			t.Fatalf("cut at %d: %q", cut, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	tab := module(t)
	const of = "(hash) => { const r = m.parse(hash); return `${r.view} ${r.name ?? ''} ${r.params}`; }"
	for hash, want := range map[string]string{
		"": "system  ", "#/": "system  ", "#/?as=table": "system  as=table", "#/service/a%2Fb?deploy=a-1": "service a/b deploy=a-1",
		"#/logs?service=a&service=b&q=%2Fx%2F": "logs  service=a&service=b&q=%2Fx%2F", "#/service/%": "service % ", "#/logs?q=/a?b/": "logs  q=%2Fa%3Fb%2F", "#nonsense": "system  ",
	} {
		if got := call[string](t, tab, "route.js", of, hash); got != want {
			t.Errorf("%q leads to %q, not %q", hash, got, want)
		}
	}
	if got := call[string](t, tab, "route.js", "() => m.address('logs', { service: ['a', 'b'], q: '/x?/', level: '' })"); got != "#/logs?service=a&service=b&q=%2Fx%3F%2F" {
		t.Error(got)
	}
}
