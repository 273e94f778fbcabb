package console

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/logs"
)

// lineOf is a line as package logs gives it, of what a service has printed.
func lineOf(text string) deployer.Line {
	plain, coloured := logs.Clean(text)
	return deployer.Line{Service: "web", Generation: "web-1", Text: plain, Coloured: coloured}
}

func TestTheColoursOfAServiceReachAPersonAlone(t *testing.T) {
	tell := func(c *Console) {
		c.Line(lineOf(red + "ERROR" + reset + " of " + green + "web\x1b]0;title\a"))
		// Whoever gives a line may have looked less closely.
		c.Line(deployer.Line{Service: "web", Generation: "web-1", Text: red + "a", Coloured: green + "a\x1b[2J"})
		c.Line(deployer.Line{Service: "web", Generation: "web-1", Text: red + "b"})
	}
	for name, c := range map[string]struct {
		reader reader
		want   string
	}{
		"in colour": {colourReader, `
         <magenta>web      │</> <red>ERROR</> of <green>web</>
         <magenta>web      │</> <green>a</>
         <magenta>web      │</> b
`},
		"plain": {plainReader, `
         web      │ ERROR of web
         web      │ a
         web      │ b
`},
		"for programs": {program, `
{"service":"web","generation":"web-1","time":"2024-03-01T12:00:00Z","message":"ERROR of web"}
{"service":"web","generation":"web-1","time":"2024-03-01T12:00:00Z","message":"a"}
{"service":"web","generation":"web-1","time":"2024-03-01T12:00:00Z","message":"b"}
`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := shown(c.reader, []string{"frontend", "web"}, tell), lines(c.want); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

// bars are the states of a progress bar, and a line that comes between.
func bars(c interface{ Line(deployer.Line) }) {
	bar := func(text string, unfinished bool) {
		l := lineOf(text)
		l.Unfinished = unfinished
		c.Line(l)
	}
	bar("10%", true)
	bar("11%", true) // too soon
	c.Line(deployer.Line{Service: "person", Generation: "person-1", Text: "GET /"})
	bar("100%", false)
	c.Line(lineOf("started"))
}

func TestAProgressBarIsTheLastRowOfATerminal(t *testing.T) {
	const web, person = "         web      │ ", "         person   │ "
	last := noWrap + web + "10%" + wrap
	want := anew + last + anew + person + "GET /\r\n" + last + anew + web + "100%\r\n" + anew + web + "started\r\n"
	if got := onTerminal(t, "xterm", func(c *Console, _ *bufio.Reader) { bars(c) }); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	var out bytes.Buffer
	c := program.console(&out, nil, time.Now)
	bars(c)
	if got := out.String(); strings.Contains(got, "10%") || strings.Contains(got, "11%") || strings.Count(got, "100%") != 1 {
		t.Errorf("a program reads:\n%s", got)
	}
	out.Reset()
	p := newPrinter(&out, false, []string{"web", "person"}, false)
	bars(printing{p, t})
	if got, want := out.String(), "person-1   │ GET /\nweb-1      │ 100%\nweb-1      │ started\n"; got != want {
		t.Errorf("jarloop logs, to a file:\n%swant:\n%s", got, want)
	}
	out.Reset()
	p.obeys = true
	bars(printing{p, t})
	if want := anew + noWrap + "web-1      │ 10%" + wrap; !strings.HasPrefix(out.String(), want) {
		t.Errorf("jarloop logs, on a terminal: %q", out.String())
	}
}

type printing struct {
	*Printer
	t *testing.T
}

func (p printing) Line(l deployer.Line) {
	if err := p.Printer.Line(l); err != nil {
		p.t.Error(err)
	}
}
