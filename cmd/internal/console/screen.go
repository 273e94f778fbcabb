package console

import (
	"fmt"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// screen is how lines look to a person, and where they are written.
type screen struct {
	send    func(entry) error
	now     func() time.Time
	colour  bool
	rings   bool
	obeys   bool // the terminal does more than show text
	width   int  // of the column with the services' names
	colours map[string]string
	last    lastRow
}

// lastRow is below all lines: one that has no end yet and is renewed, such as a
// progress bar.
type lastRow struct {
	of   string // what prints it
	text string
	at   time.Time // when it was written
}

// newScreen gives each service its colour, and their column its width.
func newScreen(send func(entry) error, colour bool, least int, services []string) *screen {
	s := &screen{send: send, colour: colour, width: least, colours: map[string]string{}, now: time.Now}
	for i, name := range services {
		s.width = max(s.width, len(name))
		s.colours[name] = palette[i%len(palette)]
	}
	return s
}

// readerOf says whether a person reads f, and in colour.
func readerOf(f *os.File) (person, colour bool) {
	person = isatty.IsTerminal(f.Fd())
	return person, person && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
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

// Orders to a terminal (xterm's ctlseqs): the first writes over the ^C, or whatever
// is typed meanwhile and echoed, and over the last row.
const (
	anew   = "\r\x1b[K"
	noWrap = "\x1b[?7l"
	wrap   = "\x1b[?7h"
)

// renewEvery is how often the last row is written at most.
const renewEvery = 100 * time.Millisecond

var palette = []string{"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[95m", "\x1b[94m", "\x1b[92m"}

func (s *screen) paint(colour, text string) string {
	if !s.colour || colour == "" || text == "" {
		return text
	}
	return colour + text + reset
}

// row is one line of the agent's own.
func (s *screen) row(service, colour, what, text string) string {
	name := s.paint(s.colours[service], fmt.Sprintf("%-*s", s.width, service))
	ring := ""
	if s.rings && colour == red {
		ring = bell
	}
	return fmt.Sprintf("%s %s %s%s\n", name, s.paint(colour, fmt.Sprintf("%-8s", what)), text, ring)
}

// put writes one line of the agent's own, and below it what a service has printed.
func (s *screen) put(service, colour, what, text string, output ...string) {
	text = s.paint(dim, s.now().Format("15:04:05")) + " " + s.row(service, colour, what, text)
	for _, line := range output {
		text += s.bar(service, line)
	}
	_ = s.write(entry{text: text})
}

// bar is one line that a service has printed.
func (s *screen) bar(service, text string) string {
	return fmt.Sprintf("%8s %s %s\n", "", s.paint(s.colours[service], fmt.Sprintf("%-*s │", s.width, service)), text)
}

// renew shows a line that has no end yet, where the terminal can.
func (s *screen) renew(of, service, line string) {
	if now := s.now(); s.obeys && (of != s.last.of || now.Sub(s.last.at) >= renewEvery) {
		s.last = lastRow{of, noWrap + line[:len(line)-1] + wrap, now}
		_ = s.write(entry{printed: service, passing: true})
	}
}

// print writes a line that has its end.
func (s *screen) print(of, service, line string) error {
	if of == s.last.of {
		s.last = lastRow{}
	}
	return s.write(entry{printed: service, text: line})
}

func (s *screen) write(e entry) error {
	if s.obeys {
		e.text = anew + e.text + s.last.text
	}
	return s.send(e)
}
