// Package console is what a person reads while the agent runs: one line for each
// thing that happened, on a terminal in columns and colours, and in the journal with
// fields in the journal's own way. Elsewhere it is JSON, for whatever collects it.
//
//	14:03:07 frontend   changed  FrontendApplication.jar (12 kB)
//	14:03:08 frontend   live     frontend-8  3fa2c1d0  10.0.3.131:8081  0.74 s (settle 0.07, prove 0.61)
//	14:03:08 frontend   │ GET /health 200 1ms
package console

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/rs/zerolog"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/logs"
)

// form is for whom it is written.
type form int

const (
	forPrograms form = iota
	forPerson        // at a terminal
	forJournal
)

// Console writes to one stream; every method may be called from anywhere.
type Console struct {
	mu sync.Mutex // of all below but what New and the like set
	*screen
	form     form
	to       func([]entry) error // what screen.send writes to in the end
	held     held
	seen     seen
	title    title
	progress time.Time // when the progress of a base was last shown
	hinted   bool      // at what is kept of a deploy that failed
	tap      func(event []byte)
}

// New makes a console on f: for a person if f is a terminal, in colour unless
// NO_COLOR is set or the terminal is dumb, and with fields if f leads to the
// journal; asJSON has it write JSON all the same. services are the names that the
// columns are to fit.
func New(f *os.File, services []string, asJSON bool) *Console {
	person, colour := readerOf(f)
	form, to := forPrograms, toStream(f)
	if journal, err := journal.StdoutIsJournalStream(); journal && err == nil && f == os.Stdout {
		form, to = forJournal, toJournal(f)
	}
	if person {
		form = forPerson
	}
	if asJSON {
		form, to = forPrograms, toStream(f)
	}
	c := newConsole(to, form, colour, services, time.Now)
	c.obeys = form == forPerson && os.Getenv("TERM") != "dumb"
	c.rings = c.obeys
	c.title = newTitle(form == forPerson)
	return c
}

func newConsole(to func([]entry) error, form form, colour bool, services []string, now func() time.Time) *Console {
	at := func(e entry) error { return to([]entry{e}) }
	c := &Console{screen: newScreen(at, colour, 8, services), form: form, to: to, seen: seen{}}
	c.now = now
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

// Tap has what is told be given to another, too, as JSON, and fit to be shown: all but
// the lines that services print. It must not wait. It is called before anything is
// told.
func (c *Console) Tap(event func([]byte)) { c.tap = event }

// ForPerson says whether a person reads it, at a terminal.
func (c *Console) ForPerson() bool { return c.form == forPerson }

// Mute keeps the terminal's bell from ringing when something has failed. It is
// called before anything is written.
func (c *Console) Mute() { c.rings = false }

// Detach has all be written by another goroutine from now on, so that no caller
// waits for whoever reads it. At the end, wait gives that goroutine a second to
// finish. Detach is called before anything is written.
func (c *Console) Detach() (wait func()) {
	o := &outlet{lost: c.lost, most: mostWaiting}
	var second *time.Ticker
	if c.form == forJournal {
		second = time.NewTicker(time.Second)
		o.most, o.renew = mostPerSecond, second.C
	}
	o.start(c.to)
	c.send = o.put
	return func() {
		o.wait()
		if second != nil {
			second.Stop()
		}
	}
}

// lost is what is written for lines that a service has printed and nobody will see
// here. It touches nothing that changes.
func (c *Console) lost(service string, lines int) entry {
	text := fmt.Sprintf("%d lines were not shown; jarloop logs %s has them", lines, service)
	r := record{Level: zerolog.WarnLevel, Service: service, Message: text, Time: c.clock()}
	switch c.form {
	case forPerson:
		return entry{text: c.bar(service, c.paint(dim, text))}
	case forJournal:
		return r.inJournal("warning", service+": "+text)
	}
	return entry{text: r.json()}
}

func (c *Console) clock() string { return c.now().Format(time.RFC3339) }

// notice is something that has happened. A person is told what and text, in colour,
// and below it what a service has printed; without a what, nothing.
type notice struct {
	record
	colour, what, text string
	output             []string
	event              string // for the journal, where it is not the record's message
}

// levels are those of records, by the colours that a person sees.
var levels = map[string]zerolog.Level{red: zerolog.ErrorLevel, amber: zerolog.WarnLevel}

// tell writes what has happened.
func (c *Console) tell(n notice) {
	n.Level = cmp.Or(levels[n.colour], zerolog.InfoLevel)
	c.pour(n.record)
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.title.changed()
	service := n.Service + n.Base // one of them is empty
	n.Time = c.clock()
	switch {
	case c.form == forPrograms:
		_ = c.send(entry{text: n.json()})
	case n.what == "":
	case c.form == forPerson:
		c.held.flush(service)
		c.put(service, n.colour, n.what, n.text, n.output...)
	default:
		words := n.text
		if n.what != ours {
			words = strings.TrimSpace(c.row(service, "", n.what, n.text))
		}
		_ = c.send(n.inJournal(cmp.Or(n.event, n.Message), strings.Join(append([]string{words}, n.output...), "\n")))
	}
}

// pour gives to the tap what is told.
func (c *Console) pour(r record) {
	if c.tap == nil {
		return
	}
	for _, text := range []*string{&r.Service, &r.Files, &r.Step, &r.Line, &r.Reason, &r.Message, &r.By} {
		*text = plain(*text)
	}
	r.Tail = clean(r.Tail)
	c.tap([]byte(r.json()))
}

// Asked says that somebody wants something done with a service, all if none is named.
func (c *Console) Asked(by, service, what string) {
	c.tell(notice{
		colour: dim, what: "asked", text: plain(what + "  by " + by),
		record: record{Service: service, Reason: what, By: by, Message: "asked"},
	})
}

// ours stands before what the agent says of itself.
const ours = "jarloop"

// Say shows a message of the agent itself.
func (c *Console) Say(text string) {
	c.tell(notice{what: ours, text: plain(text), event: "said", record: record{Message: text}})
}

// Warn shows what went wrong and stops nothing.
func (c *Console) Warn(service, text string) {
	c.tell(notice{
		colour: amber, what: "warning", text: plain(text), event: "warning", record: record{Service: service, Message: text},
	})
}

// Complain is Warn about the agent itself.
func (c *Console) Complain(text string) { c.Warn("", text) }

// Changed says that artefacts of a service have changed.
func (c *Console) Changed(service, what string) {
	if c.form == forPerson {
		c.pour(record{Level: zerolog.InfoLevel, Service: service, Files: what, Message: "changed"})
		c.mu.Lock()
		defer c.mu.Unlock()
		c.held.changed(service, plain(what))
		c.title.changed()
		return
	}
	c.tell(notice{what: "changed", text: plain(what), record: record{Service: service, Files: what, Message: "changed"}})
}

// Same says that what had changed is the same as before, byte by byte; refusal is
// why that was refused, or empty.
func (c *Console) Same(service, refusal string) {
	text := "the same bytes as before"
	if refusal != "" {
		text += ", which were refused: " + refusal
	}
	c.tell(notice{
		colour: dim, what: "same", text: plain(text), record: record{Service: service, Reason: text, Message: "unchanged"},
	})
}

// Missing says that there is nothing to deploy of a service yet.
func (c *Console) Missing(service, reason string) {
	c.tell(notice{
		colour: dim, what: "missing", text: plain(reason), record: record{Service: service, Reason: reason, Message: "missing"},
	})
}

// Refused says that the newest artefacts of a service cannot be deployed, or
// without one the newest configuration.
func (c *Console) Refused(service, reason string) {
	c.tell(notice{
		colour: red, what: "refused", text: plain(reason), record: record{Service: service, Reason: reason, Message: "refused"},
	})
}

// Line shows a line that a service has printed.
func (c *Console) Line(l deployer.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.Offset = 0 // lines that are alike elsewhere are alike here
	if c.form == forPerson {
		text, first := c.printed(l), false
		if l.File == "" && !l.Unfinished {
			first = c.seen.remember(l)
		}
		c.held.printed(l, text, first)
		return
	}
	if l.Unfinished {
		return
	}
	e := entry{}
	if r := printedRecord(l); c.form == forJournal {
		e = r.inJournal("", strings.TrimPrefix(plain(l.File)+": ", ": ")+r.Message)
	} else {
		r.Time = c.clock()
		e.text = r.json()
	}
	e.printed = l.Service
	_ = c.send(e)
}

// printedRecord is a line that a service has printed, for programs.
func printedRecord(l deployer.Line) record {
	text, _ := logs.Clean(l.Text)
	return record{Level: zerolog.NoLevel, Service: l.Service, Generation: l.Generation, File: l.File, Message: text}
}

// printed is a line of a service as a person sees it: in the service's own colours
// where there are any, with what else is not to be seen written out.
func (s *screen) printed(l deployer.Line) string {
	text, _ := logs.Clean(l.Text)
	if _, coloured := logs.Clean(l.Coloured); s.colour && coloured != "" {
		text = coloured
	}
	if l.File != "" {
		text = s.paint(dim, plain(l.File)+": ") + text
	}
	return text
}
