// Package console is what a person reads while the agent runs: on a terminal
// one line for each thing that happened, in columns and colours; without one
// the same as JSON lines for whatever collects them.
//
//	14:03:07 frontend   changed  FrontendApplication.jar (12 kB)
//	14:03:08 frontend   live     frontend-8  3fa2c1d0  10.0.3.131:8081  0.74 s (settle 0.07, prove 0.61)
//	14:03:08 frontend   │ GET /health 200 1ms
package console

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/logs"
)

// Console writes to one stream; every method may be called from anywhere.
type Console struct {
	mu     sync.Mutex
	out    io.Writer
	log    zerolog.Logger // where no person reads
	person bool
	colour bool
	now    func() time.Time
	// width of the column with the services' names
	width   int
	colours map[string]string
	told    time.Time           // when the progress of a base was last told
	seen    map[string][]string // by generation: what it printed last
	folds   map[string]*fold    // by service: what is held back
	build   build
	title   title
	rings   bool
	obeys   bool // the terminal does more than show text
	hinted  bool // at what is kept of a deploy that failed
}

// New makes a console on f: for a person if f is a terminal, and in colour
// unless NO_COLOR is set or the terminal is dumb. services are the names to
// make room for.
func New(f *os.File, services []string) *Console {
	person, colour := readerOf(f)
	c := newConsole(f, person, colour, services, time.Now)
	c.obeys = person && os.Getenv("TERM") != "dumb"
	c.rings = c.obeys
	c.title = newTitle(person)
	return c
}

// Mute keeps the terminal's bell from ringing when something has failed. It is
// called before anything is told.
func (c *Console) Mute() { c.rings = false }

// readerOf says whether a person reads f, and in colour.
func readerOf(f *os.File) (person, colour bool) {
	person = isatty.IsTerminal(f.Fd())
	return person, person && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func newConsole(out io.Writer, person, colour bool, services []string, now func() time.Time) *Console {
	c := &Console{out: out, person: person, colour: colour, now: now, seen: map[string][]string{}, folds: map[string]*fold{}}
	c.log = logOn(out, now)
	c.makeRoom(8, services)
	return c
}

// makeRoom gives each service its colour, and their column its width.
func (c *Console) makeRoom(least int, services []string) {
	c.width, c.colours = least, map[string]string{}
	for i, s := range services {
		c.width = max(c.width, len(s))
		c.colours[s] = palette[i%len(palette)]
	}
}

// ANSI colours. Red is for failures alone, and green for what went live.
const (
	reset = "\x1b[0m"
	dim   = "\x1b[2m"
	red   = "\x1b[1;31m"
	green = "\x1b[1;32m"
	amber = "\x1b[33m"
	bell  = "\a"
)

var palette = []string{"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[95m", "\x1b[94m", "\x1b[92m"}

func (c *Console) paint(colour, text string) string {
	if !c.colour || colour == "" || text == "" {
		return text
	}
	return colour + text + reset
}

// line writes one line for a person, and below it what a service has printed.
func (c *Console) line(service, colour, what, text string, output ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.news()
	c.settle(service)
	c.put(service, colour, what, text)
	for _, text := range output {
		c.bar(service, text)
	}
}

// put writes one line. The lock is held, as for those below.
func (c *Console) put(service, colour, what, text string) {
	name := c.paint(c.colours[service], fmt.Sprintf("%-*s", c.width, service))
	word := c.paint(colour, fmt.Sprintf("%-8s", what))
	ring := ""
	if c.rings && colour == red {
		ring = bell
	}
	c.write(fmt.Sprintf("%s %s %s %s%s\n", c.paint(dim, c.now().Format("15:04:05")), name, word, text, ring))
}

// bar writes one line that a service has printed.
func (c *Console) bar(service, text string) {
	bar := c.paint(c.colours[service], fmt.Sprintf("%-*s │", c.width, service))
	c.write(fmt.Sprintf("%8s %s %s\n", "", bar, text))
}

func (c *Console) write(text string) {
	if c.obeys {
		text = "\r" + text // over the ^C, or whatever is typed meanwhile and echoed
	}
	_, _ = io.WriteString(c.out, text) // a terminal that has gone must not stop a deploy
}

// Say tells something of the agent itself.
func (c *Console) Say(text string) {
	if c.person {
		c.line("", "", "jarloop", plain(text))
		return
	}
	c.log.Info().Msg(text)
}

// Warn tells something that went wrong and stops nothing.
func (c *Console) Warn(service, text string) {
	if c.person {
		c.line(service, amber, "warning", plain(text))
		return
	}
	with(c.log.Warn(), field{"service", service}).Msg(text)
}

// Complain tells something of the agent itself that went wrong and stops nothing.
func (c *Console) Complain(text string) { c.Warn("", text) }

// Changed tells that artefacts of a service have changed.
func (c *Console) Changed(service, what string) {
	if c.person {
		c.changed(service, plain(what))
		return
	}
	c.log.Info().Str("service", service).Str("files", what).Msg("changed")
}

// Same tells that what had changed turned out to be what was there before;
// refusal is why that was refused, or empty.
func (c *Console) Same(service, refusal string) {
	text := "the same bytes as before"
	if refusal != "" {
		text += ", which were refused: " + refusal
	}
	if c.person {
		c.line(service, dim, "same", plain(text))
		return
	}
	c.log.Info().Str("service", service).Str("reason", text).Msg("unchanged")
}

// Refused tells that the newest artefacts of a service cannot be deployed, or
// without one the newest configuration.
func (c *Console) Refused(service, reason string) {
	if c.person {
		c.line(service, red, "refused", plain(reason))
		return
	}
	with(c.log.Error(), field{"service", service}, field{"reason", reason}).Msg("refused")
}

// Line tells a line that a service has printed.
func (c *Console) Line(l deployer.Line) {
	if c.person {
		text, first := logs.Clean(l.Text), false
		if l.File != "" {
			text = c.paint(dim, plain(l.File)+": ") + text
		} else {
			first = c.remember(l)
		}
		c.printed(l, text, first)
		return
	}
	with(c.log.Log(), field{"service", l.Service}, field{"generation", l.Generation}, field{"file", l.File}).Msg(l.Text)
}

// field is a part of a line for programs.
type field struct{ key, value string }

// with adds fields to a line, as far as they have something to say.
func with(line *zerolog.Event, fields ...field) *zerolog.Event {
	for _, f := range fields {
		if f.value != "" {
			line = line.Str(f.key, f.value)
		}
	}
	return line
}

// Short is the part of a set's ID that tells it from others at a glance.
func Short(id string) string { return id[:min(8, len(id))] }

// Size is a number of bytes for a person: "12 kB".
func Size(bytes int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	size, unit := float64(bytes), 0
	// What would be rounded up to the next digit counts as that already.
	for size >= 999.5 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	if unit == 0 || size >= 9.95 {
		return fmt.Sprintf("%.0f %s", size, units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}
