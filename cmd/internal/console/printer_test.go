package console

import (
	"bytes"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

func TestPrinter(t *testing.T) {
	services := []string{"web", "authentication"}
	for _, c := range []struct {
		name         string
		colour, json bool
		want         string
	}{
		{"plain", false, false, `
web-3              │ GET /health 200
authentication-12  │ access.log: GET /[2J
web-12345          │ oh no
`},
		{"in colour", true, false, `
<cyan>web-3              │</> GET /health 200
<magenta>authentication-12  │</> <dim>access.log: </>GET /[2J
<cyan>web-12345          │</> oh no
`},
		{"as JSON", false, true, `
{"service":"web","generation":"web-3","message":"GET /health 200"}
{"service":"authentication","generation":"authentication-12","file":"access.log","message":"GET /[2J"}
{"service":"web","generation":"web-12345","message":"oh no"}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			p := newPrinter(&out, c.colour, services, c.json)
			for _, l := range []deployer.Line{
				{Service: "web", Generation: "web-3", Text: "GET /health 200"},
				{Service: "authentication", Generation: "authentication-12", File: "access.log", Text: "GET /[2J"},
				{Service: "web", Generation: "web-12345", Text: "\x1b[2Joh no"},
			} {
				if err := p.Line(l); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := words.Replace(out.String()), lines(c.want); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}
