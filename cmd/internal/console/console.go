// Package console is what a person reads while the agent runs: on a terminal
// one line for each thing that happened, in columns and colours; without one
// the same as JSON lines for whatever collects them.
//
//	14:03:07 frontend   changed  FrontendApplication.jar (12 kB)
//	14:03:08 frontend   live     frontend-8  3fa2c1d0  10.0.3.131:8081  0.98 s (boot 0.03, prove 0.61)
//	14:03:08 frontend   │ GET /health 200 1ms
package console

import (
	"fmt"
	"io"
	"os"
	"strings"
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
	told    time.Time           // when the progress of a build was last told
	seen    map[string][]string // by generation: what it printed last
}

// New makes a console on f: for a person if f is a terminal, and in colour
// unless NO_COLOR is set or the terminal is dumb. services are the names to
// make room for.
func New(f *os.File, services []string) *Console {
	person, colour := readerOf(f)
	return newConsole(f, person, colour, services, time.Now)
}

// readerOf says whether a person reads f, and in colour.
func readerOf(f *os.File) (person, colour bool) {
	person = isatty.IsTerminal(f.Fd())
	return person, person && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func newConsole(out io.Writer, person, colour bool, services []string, now func() time.Time) *Console {
	c := &Console{out: out, person: person, colour: colour, now: now, seen: map[string][]string{}}
	c.log = zerolog.New(out).Hook(zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, _ string) {
		e.Time("time", now())
	}))
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
)

var palette = []string{"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[95m", "\x1b[94m", "\x1b[92m"}

func (c *Console) paint(colour, text string) string {
	if !c.colour || colour == "" || text == "" {
		return text
	}
	return colour + text + reset
}

// line writes one line for a person.
func (c *Console) line(service, colour, what, text string) {
	name := c.paint(c.colours[service], fmt.Sprintf("%-*s", c.width, service))
	word := c.paint(colour, fmt.Sprintf("%-8s", what))
	c.write(fmt.Sprintf("%s %s %s %s\n", c.paint(dim, c.now().Format("15:04:05")), name, word, text))
}

// output writes lines that a service has printed, for a person.
func (c *Console) output(service string, lines []string) {
	bar := c.paint(c.colours[service], fmt.Sprintf("%-*s │", c.width, service))
	for _, text := range lines {
		c.write(fmt.Sprintf("%8s %s %s\n", "", bar, text))
	}
}

func (c *Console) write(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
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
	e := c.log.Warn()
	if service != "" {
		e = e.Str("service", service)
	}
	e.Msg(text)
}

// Changed tells that artefacts of a service have changed.
func (c *Console) Changed(service, what string) {
	if c.person {
		c.line(service, "", "changed", plain(what))
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

// Refused tells that the newest artefacts cannot be deployed.
func (c *Console) Refused(service, reason string) {
	if c.person {
		c.line(service, red, "refused", plain(reason))
		return
	}
	c.log.Error().Str("service", service).Str("reason", reason).Msg("refused")
}

// Line tells a line that a service has printed.
func (c *Console) Line(l deployer.Line) {
	if c.person {
		text := logs.Clean(l.Text)
		if l.File != "" {
			text = c.paint(dim, plain(l.File)+": ") + text
		} else {
			c.remember(l)
		}
		c.output(l.Service, []string{text})
		return
	}
	e := c.log.Log().Str("service", l.Service).Str("generation", l.Generation)
	if l.File != "" {
		e = e.Str("file", l.File)
	}
	e.Msg(l.Text)
}

// Event tells what became of a deploy.
func (c *Console) Event(e deployer.Event) {
	if c.person {
		c.event(e)
		return
	}
	level := zerolog.InfoLevel
	switch e.Kind {
	case deployer.Failed, deployer.Died:
		level = zerolog.ErrorLevel
	case deployer.Warning, deployer.Back, deployer.Mended:
		level = zerolog.WarnLevel
	}
	l := c.log.WithLevel(level)
	for _, field := range []struct{ key, value string }{
		{"service", e.Service}, {"generation", e.Generation}, {"set", e.Set}, {"address", e.Address},
		{"step", e.Step}, {"reason", e.Reason}, {"serving", e.Serving},
	} {
		if field.value != "" {
			l = l.Str(field.key, field.value)
		}
	}
	if e.Took > 0 {
		l = l.Dur("took_ms", e.Took)
	}
	if len(e.Steps) > 0 {
		steps := zerolog.Dict()
		for _, s := range e.Steps {
			steps = steps.Dur(s.Name, s.Took)
		}
		l = l.Dict("steps_ms", steps)
	}
	if len(e.Tail) > 0 {
		l = l.Strs("tail", e.Tail)
	}
	l.Msg(string(e.Kind))
}

// event tells a person.
func (c *Console) event(e deployer.Event) {
	e.Reason = plain(e.Reason)
	switch e.Kind {
	case deployer.WentLive:
		c.line(e.Service, green, "live", fmt.Sprintf("%s  %s  %s  %s%s",
			e.Generation, Short(e.Set), e.Address, seconds(e.Took), slowest(e.Steps)))
	case deployer.Failed:
		serving := "nothing serves"
		if e.Serving != "" {
			serving = e.Serving + " still serves"
		}
		c.line(e.Service, red, "FAILED", fmt.Sprintf("%s  %s  %s", Short(e.Set), e.Reason, c.paint(amber, "("+serving+")")))
		c.output(e.Service, clean(c.unseen(e)))
	case deployer.Died:
		c.line(e.Service, red, "DIED", e.Generation+": "+e.Reason)
		c.output(e.Service, clean(c.unseen(e)))
	case deployer.Back:
		c.line(e.Service, amber, "back", fmt.Sprintf("%s  %s is live again: %s", e.Generation, Short(e.Set), e.Reason))
	case deployer.Adopted:
		c.line(e.Service, "", "live", fmt.Sprintf("%s  %s  %s  %s", e.Generation, Short(e.Set), e.Address, e.Reason))
	case deployer.Restarted:
		c.line(e.Service, amber, "restart", e.Generation+"  "+e.Reason)
	case deployer.Mended, deployer.Warning:
		c.line(e.Service, amber, string(e.Kind), e.Reason)
	case deployer.Waiting:
		c.line(e.Service, "", "waiting", e.Reason)
	case deployer.Retired:
		c.forget(e.Generation)
		c.line(e.Service, dim, "retired", e.Generation)
	case deployer.Unchanged:
		c.line(e.Service, dim, "same", fmt.Sprintf("%s  %s  %s", e.Generation, Short(e.Set), e.Reason))
	case deployer.Deploying:
		// Soon live or failed: a line of its own would say nothing more.
	}
}

// Short is the part of a set's ID that tells it from others at a glance.
func Short(id string) string { return id[:min(8, len(id))] }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// slowest names the steps that took a twentieth of a second or longer.
func slowest(steps []deployer.Step) string {
	var parts []string
	for _, s := range steps {
		if s.Took >= 50*time.Millisecond {
			parts = append(parts, fmt.Sprintf("%s %.2f", s.Name, s.Took.Seconds()))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

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
