package console

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// screen is how lines look to a person, and where they are written.
type screen struct {
	out     io.Writer
	now     func() time.Time
	colour  bool
	rings   bool
	obeys   bool // the terminal does more than show text
	width   int  // of the column with the services' names
	colours map[string]string
}

// newScreen gives each service its colour, and their column its width.
func newScreen(out io.Writer, colour bool, least int, services []string) *screen {
	s := &screen{out: out, colour: colour, width: least, colours: map[string]string{}}
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

var palette = []string{"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[95m", "\x1b[94m", "\x1b[92m"}

func (s *screen) paint(colour, text string) string {
	if !s.colour || colour == "" || text == "" {
		return text
	}
	return colour + text + reset
}

// put writes one line.
func (s *screen) put(service, colour, what, text string) {
	name := s.paint(s.colours[service], fmt.Sprintf("%-*s", s.width, service))
	word := s.paint(colour, fmt.Sprintf("%-8s", what))
	ring := ""
	if s.rings && colour == red {
		ring = bell
	}
	s.write(fmt.Sprintf("%s %s %s %s%s\n", s.paint(dim, s.now().Format("15:04:05")), name, word, text, ring))
}

// bar writes one line that a service has printed.
func (s *screen) bar(service, text string) {
	bar := s.paint(s.colours[service], fmt.Sprintf("%-*s │", s.width, service))
	s.write(fmt.Sprintf("%8s %s %s\n", "", bar, text))
}

func (s *screen) write(text string) {
	if s.obeys {
		text = "\r" + text // over the ^C, or whatever is typed meanwhile and echoed
	}
	_, _ = io.WriteString(s.out, text) // a terminal that has gone must not stop a deploy
}
