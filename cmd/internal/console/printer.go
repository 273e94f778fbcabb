package console

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// Printer shows what services have printed, for the verb that does nothing
// else: under the name of the generation, or as the JSON that Console writes,
// without a time, which is not known.
//
//	frontend-8        │ GET /health 200 1ms
//	authentication-3  │ access.log: GET /
type Printer struct {
	*screen
	json bool
}

// roomForNumber is how much longer a generation's name is than its service's,
// for the columns to be straight: "-123".
const roomForNumber = 4

// NewPrinter makes a Printer on out, in colour where a Console would be.
func NewPrinter(out io.Writer, services []string, asJSON bool) *Printer {
	p := newPrinter(out, Coloured(out), services, asJSON)
	p.obeys = Redraws(out) && !asJSON
	return p
}

// Coloured says whether a Console on out would be in colour.
func Coloured(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	_, colour := readerOf(f)
	return colour
}

// Columns gives how many characters go into a line of out, 0 where out is no
// terminal or does not know.
func Columns(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// PaintState gives the state of a service in its colour: as the lines of the
// Console have it, green for live, red for what is wrong and amber for the rest.
func PaintState(state string) string {
	colour := amber
	switch state {
	case "live":
		colour = green
	case "down", string(deployer.Broken), string(deployer.Refused):
		colour = red
	case "none":
		colour = dim
	}
	return colour + state + reset
}

// Redraws says whether what is written to out can be drawn over, because it is
// a terminal that obeys more than the simplest orders.
func Redraws(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

func newPrinter(out io.Writer, colour bool, services []string, asJSON bool) *Printer {
	to := toStream(out)
	return &Printer{json: asJSON, screen: newScreen(func(e entry) error { return to([]entry{e}) }, colour, 0, services)}
}

// Line shows one line.
func (p *Printer) Line(l deployer.Line) error {
	if p.json {
		if l.Unfinished {
			return nil
		}
		return p.send(entry{text: printedRecord(l).json()})
	}
	bar := p.paint(p.colours[l.Service], fmt.Sprintf("%-*s │", p.width+roomForNumber, l.Generation)) + " " + p.printed(l) + "\n"
	of := l.Generation + "/" + l.File
	if l.Unfinished {
		p.renew(of, l.Service, bar)
		return nil
	}
	return p.print(of, l.Service, bar)
}
