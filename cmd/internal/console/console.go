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

	"github.com/rs/zerolog"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/logs"
)

// Console writes to one stream; every method may be called from anywhere.
type Console struct {
	mu sync.Mutex // of all below but what New and the like set
	*screen
	person   bool
	log      zerolog.Logger // where no person reads
	held     held
	seen     seen
	title    title
	progress time.Time // when the progress of a base was last shown
	hinted   bool      // at what is kept of a deploy that failed
}

// New makes a console on f: for a person if f is a terminal, and in colour
// unless NO_COLOR is set or the terminal is dumb. services are the names
// that the columns are to fit.
func New(f *os.File, services []string) *Console {
	person, colour := readerOf(f)
	c := newConsole(f, person, colour, services, time.Now)
	c.obeys = person && os.Getenv("TERM") != "dumb"
	c.rings = c.obeys
	c.title = newTitle(person)
	return c
}

func newConsole(out io.Writer, person, colour bool, services []string, now func() time.Time) *Console {
	c := &Console{screen: newScreen(out, colour, 8, services), person: person, seen: seen{}}
	c.now = now
	c.log = logOn(out, now)
	c.held = held{screen: c.screen, later: c.later, folds: map[string]*fold{}}
	return c
}

// later is time.AfterFunc with the lock held.
func (c *Console) later(d time.Duration, do func()) *time.Timer {
	return time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		do()
	})
}

// Mute keeps the terminal's bell from ringing when something has failed. It is
// called before anything is written.
func (c *Console) Mute() { c.rings = false }

// Detach has all be written by another goroutine from now on, so that no caller
// waits for whoever reads it. At the end, wait gives that goroutine a second to
// finish. Detach is called before anything is written.
func (c *Console) Detach() (wait func()) {
	o := newOutlet(c.out, func(lost int) {
		c.Complain(fmt.Sprintf("%d lines were not shown, since nobody read them", lost))
	})
	c.out, c.log = o, logOn(o, c.now)
	return o.wait
}

// line writes one line for a person, and below it what a service has printed.
func (c *Console) line(service, colour, what, text string, output ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.title.changed()
	c.held.flush(service)
	c.put(service, colour, what, text)
	for _, text := range output {
		c.bar(service, text)
	}
}

// logOn makes what writes lines for programs.
func logOn(out io.Writer, now func() time.Time) zerolog.Logger {
	return zerolog.New(out).Hook(zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, _ string) {
		e.Time("time", now())
	}))
}

// Say shows a message of the agent itself.
func (c *Console) Say(text string) {
	if c.person {
		c.line("", "", "jarloop", plain(text))
		return
	}
	c.log.Info().Msg(text)
}

// Warn shows what went wrong and stops nothing.
func (c *Console) Warn(service, text string) {
	if c.person {
		c.line(service, amber, "warning", plain(text))
		return
	}
	with(c.log.Warn(), field{"service", service}).Msg(text)
}

// Complain is Warn about the agent itself.
func (c *Console) Complain(text string) { c.Warn("", text) }

// Changed says that artefacts of a service have changed.
func (c *Console) Changed(service, what string) {
	if c.person {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.held.changed(service, plain(what))
		c.title.changed()
		return
	}
	c.log.Info().Str("service", service).Str("files", what).Msg("changed")
}

// Same says that what had changed is the same as before, byte by byte; refusal is
// why that was refused, or empty.
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

// Missing says that there is nothing to deploy of a service yet.
func (c *Console) Missing(service, reason string) {
	if c.person {
		c.line(service, dim, "missing", plain(reason))
		return
	}
	with(c.log.Info(), field{"service", service}, field{"reason", reason}).Msg("missing")
}

// Refused says that the newest artefacts of a service cannot be deployed, or
// without one the newest configuration.
func (c *Console) Refused(service, reason string) {
	if c.person {
		c.line(service, red, "refused", plain(reason))
		return
	}
	with(c.log.Error(), field{"service", service}, field{"reason", reason}).Msg("refused")
}

// Line shows a line that a service has printed.
func (c *Console) Line(l deployer.Line) {
	if !c.person {
		with(c.log.Log(), field{"service", l.Service}, field{"generation", l.Generation}, field{"file", l.File}).Msg(l.Text)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	text, first := logs.Clean(l.Text), false
	if l.File != "" {
		text = c.paint(dim, plain(l.File)+": ") + text
	} else {
		first = c.seen.remember(l)
	}
	c.held.printed(l, text, first)
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
