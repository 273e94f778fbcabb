package page

import (
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// TestThePageIsOneDocument has everything in it that it needs, and may run nothing else.
func TestThePageIsOneDocument(t *testing.T) {
	d, err := bundled(below(t))
	if err != nil {
		t.Fatal(err)
	}
	html := string(d.html)
	modules, err := fs.Glob(below(t), "*.js")
	if err != nil || len(modules) == 0 {
		t.Fatal(modules, err)
	}
	for _, m := range modules {
		if name := strings.TrimSuffix(m, ".js"); m != "app.js" && strings.Count(html, "const $"+name+" = (() => {") != 1 {
			t.Errorf("%s is not in the page once", m)
		}
	}
	for _, found := range regexp.MustCompile(`<(?:link|script|img)\b[^>]*(?:href|src)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if path.Ext(found[1]) != ".svg" {
			t.Errorf("the page asks for %s", found[1])
		}
	}
	r := newRig(t)
	_, head, _ := r.do(http.MethodGet, "/", "", "Authorization", "")
	policy := head.Get("Content-Security-Policy")
	for element, directive := range map[string]string{`<script type="module">`: "script-src ", "<style>": "style-src "} {
		_, rest, _ := strings.Cut(html, element)
		text, _, _ := strings.Cut(rest, "</"+strings.Fields(element[1 : len(element)-1])[0])
		if !strings.Contains(policy, directive+hashed(text)) {
			t.Errorf("%s is not allowed by %s", element, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("the page may do more than it has to: %s", policy)
	}
}

func TestModulesAreJoinedInTheOrderOfImports(t *testing.T) {
	const index = styleLink + scriptLink
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // of the script; "": an error
		says  string
	}{
		{"each once, before those that need it", map[string]string{
			"app.js": "import { b } from \"./b.js\";\nimport { a } from \"./a.js\";\nb(a);\n",
			"b.js":   "import { a } from \"./a.js\";\nconst own = 1;\nexport const b = (x) => x + a + own;\n",
			"a.js":   "export const a = 1;\nexport async function own() {}\n",
		}, "const $a = (() => {\nconst a = 1;\nasync function own() {}\n\nreturn { a, own };\n})();\n" +
			"const $b = (() => {\nconst { a } = $a;\nconst own = 1;\nconst b = (x) => x + a + own;\n\nreturn { b };\n})();\n" +
			"const { b } = $b;\nconst { a } = $a;\nb(a);\n", ""},
		{"a circle", map[string]string{
			"app.js": "import { a } from \"./a.js\";\n", "a.js": "import { b } from \"./b.js\";\nexport const a = 1;\n", "b.js": "import { a } from \"./a.js\";\nexport const b = 1;\n",
		}, "", "imports itself"},
		{"another kind of import", map[string]string{"app.js": "import * as a from \"./a.js\";\n"}, "", "not understood"},
		{"one that is asked for later", map[string]string{"app.js": "await import(\"./a.js\");\n"}, "", "not understood"},
		{"another kind of export", map[string]string{"app.js": "export default 1;\n"}, "", "not understood"},
		{"one that is missing", map[string]string{"app.js": "import { a } from \"./a.js\";\n"}, "", "a.js"},
		{"what would end the script", map[string]string{"app.js": "const x = \"</SCRIPT >\";\n"}, "", "cannot stand inside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := fstest.MapFS{"index.html": {Data: []byte(index)}, "style.css": {Data: []byte("a {}")}}
			for name, text := range c.files {
				all[name] = &fstest.MapFile{Data: []byte(text)}
			}
			d, err := bundled(all)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, not an error of %q", err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := "<style>a {}</style><script type=\"module\">" + c.want + "</script>"; string(d.html) != want {
				t.Errorf("got\n%s\nnot\n%s", d.html, want)
			}
		})
	}
	if _, err := bundled(fstest.MapFS{"index.html": {Data: []byte("<p>")}, "style.css": {}, "app.js": {}}); err == nil {
		t.Error("a page without a place for its script is taken")
	}
}
