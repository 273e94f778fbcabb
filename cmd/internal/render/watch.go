package render

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
)

// watchEvery is how often the agent is asked while its status is watched.
const watchEvery = time.Second

// ANSI orders: the whole screen is drawn over, and nothing of the frame before
// is left. It is not emptied first, which would flicker.
const (
	homeOrder      = "\x1b[H"
	endOfLineOrder = "\x1b[K"
	restOrder      = "\x1b[J"
)

// Watch shows the status again and again until ctx ends: in place, as redraw says,
// or each time that it has changed. It says whether all was well at last; that
// there is no agent at first is an error.
func Watch(ctx context.Context, out io.Writer, ask func(context.Context) (control.Status, error), show Show, redraw bool) (well bool, err error) {
	w := statusWatch{out: out, ask: ask, show: show, now: time.Now, redraw: redraw}
	return w.run(ctx)
}

// Show writes a status.
type Show func(out io.Writer, s control.Status, now time.Time) error

// statusWatch shows the status again and again.
type statusWatch struct {
	out    io.Writer
	ask    func(context.Context) (control.Status, error)
	show   Show
	redraw bool // in place, each time; else below the one before, when it has changed
	now    func() time.Time

	shown string // what was shown last, without what always changes
	well  bool
}

// run shows the status until ctx ends, also that an agent is gone that was
// there. It says whether all was well at last; one that is not there at first
// is an error.
func (w *statusWatch) run(ctx context.Context) (well bool, err error) {
	s, err := w.ask(ctx)
	if err != nil {
		return false, err
	}
	for {
		if err := w.frame(s, err); err != nil {
			return false, err
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return w.well, nil
		}
		if s, err = w.ask(ctx); ctx.Err() != nil {
			return w.well, nil
		}
	}
}

// frame shows one answer of the agent, or why there is none.
func (w *statusWatch) frame(s control.Status, unanswered error) error {
	w.well = unanswered == nil && Well(s)
	text, err := w.text(s, unanswered, w.now())
	if err != nil {
		return err
	}
	if w.redraw {
		_, err = io.WriteString(w.out, homeOrder+strings.ReplaceAll(text, "\n", endOfLineOrder+"\n")+restOrder)
		return err
	}
	// Age and memory always change.
	s.Services = slices.Clone(s.Services)
	for i := range s.Services {
		s.Services[i].Memory = 0
	}
	steady, err := w.text(s, unanswered, time.Time{})
	if err != nil || steady == w.shown {
		return err
	}
	w.shown = steady
	_, err = io.WriteString(w.out, text)
	return err
}

func (w *statusWatch) text(s control.Status, unanswered error, now time.Time) (string, error) {
	if unanswered != nil {
		return fmt.Sprintln("jarloop: " + console.Plain(unanswered.Error())), nil
	}
	var b bytes.Buffer
	err := w.show(&b, s, now)
	return b.String(), err
}
