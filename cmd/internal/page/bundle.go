package page

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// document is the page as it is sent: one file, with its styles and its modules in it.
// A browser that has to ask for two dozen files one by one shows the page later by as
// many answers, and one that sees networks come and go gives up some of them.
type document struct {
	html   []byte
	script string // what may run, as Content-Security-Policy names it
	style  string
}

// policy is what a browser may do with an answer: nothing but ask here for more. The
// document is allowed its own script and style beside that.
const policy = "default-src 'none'; connect-src 'self'; img-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"

// policy is what a browser may do on the page: run and show what is in it, and nothing
// that has come in otherwise.
func (d *document) policy() string {
	return policy + "; script-src " + d.script + "; style-src " + d.style
}

const (
	styleLink  = `<link rel="stylesheet" href="style.css">`
	scriptLink = `<script type="module" src="app.js"></script>`
)

// bundled puts the page together.
func bundled(from fs.FS) (*document, error) {
	html, err := fs.ReadFile(from, "index.html")
	if err != nil {
		return nil, err
	}
	style, err := fs.ReadFile(from, "style.css")
	if err != nil {
		return nil, err
	}
	j := joiner{from: from, done: map[string]bool{}}
	if err := j.add("app.js"); err != nil {
		return nil, err
	}
	script := j.out.String()
	text := string(html)
	for _, part := range []struct{ link, element, end, body string }{
		{styleLink, "<style>", "</style>", string(style)}, {scriptLink, `<script type="module">`, "</script>", script},
	} {
		if strings.Count(text, part.link) != 1 {
			return nil, fmt.Errorf("index.html does not have %s once", part.link)
		}
		if lower := strings.ToLower(part.body); strings.Contains(lower, part.end[:len(part.end)-1]) || strings.Contains(lower, "<!--") {
			return nil, fmt.Errorf("%s and <!-- cannot stand inside of %s", part.end, part.element)
		}
		text = strings.Replace(text, part.link, part.element+part.body+part.end, 1)
	}
	return &document{[]byte(text), hashed(script), hashed(string(style))}, nil
}

// hashed names a text as a source of Content-Security-Policy.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// joiner makes one module of several: each becomes a function that is called once, in
// the order of imports, and gives what it exports.
type joiner struct {
	from fs.FS
	out  strings.Builder
	done map[string]bool // false: what it imports is being added
}

var (
	importLine = regexp.MustCompile(`(?m)^import \{ ([\w, ]+) \} from "\./(\w+)\.js";$`)
	exportLine = regexp.MustCompile(`(?m)^export ((?:async )?function|class|const) (\w+)`)
	otherLine  = regexp.MustCompile(`(?m)^(?:import|export)\b.*|\bimport\(.*`)
)

// add adds a module after those that it imports.
func (j *joiner) add(name string) error {
	if over, known := j.done[name]; known {
		if !over {
			return fmt.Errorf("%s imports itself by way of others", name)
		}
		return nil
	}
	j.done[name] = false
	source, err := fs.ReadFile(j.from, name)
	if err != nil {
		return err
	}
	text := string(source)
	for _, found := range importLine.FindAllStringSubmatch(text, -1) {
		if err := j.add(found[2] + ".js"); err != nil {
			return err
		}
	}
	var exports []string
	for _, found := range exportLine.FindAllStringSubmatch(text, -1) {
		exports = append(exports, found[2])
	}
	text = importLine.ReplaceAllString(text, "const { $1 } = $$$2;")
	text = exportLine.ReplaceAllString(text, "$1 $2")
	if odd := otherLine.FindString(text); odd != "" {
		return errors.New(name + ": this import or export is not understood: " + odd)
	}
	j.done[name] = true
	if len(exports) == 0 { // the one that all others are for
		j.out.WriteString(text)
		return nil
	}
	fmt.Fprintf(&j.out, "const $%s = (() => {\n%s\nreturn { %s };\n})();\n", strings.TrimSuffix(name, ".js"), text, strings.Join(exports, ", "))
	return nil
}
