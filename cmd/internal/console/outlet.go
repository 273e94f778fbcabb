package console

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// mostWaiting is how much may wait to be read, in bytes; beyond that lines
	// are left out.
	mostWaiting = 1 << 20
	// lastWords is how long what still waits is waited for at the end.
	lastWords = time.Second
)

// outlet writes on a goroutine of its own what others tell. Each Write is a
// line, and none waits: a terminal that Ctrl-S has stopped, or a program at the
// end of a pipe that does not read, holds up nobody.
type outlet struct {
	to   io.Writer
	note func(lost int) // tells of lines that were left out; not nil

	mu      sync.Mutex
	waiting []byte
	lost    int // lines since that was last told
	more    *sync.Cond
	ended   bool
}

func newOutlet(to io.Writer, note func(lost int)) *outlet {
	o := &outlet{to: to, note: note}
	o.more = sync.NewCond(&o.mu)
	return o
}

// Write implements io.Writer.
func (o *outlet) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost > 0 || len(o.waiting)+len(line) > mostWaiting {
		o.lost++
	} else {
		o.waiting = append(o.waiting, line...)
	}
	o.more.Signal()
	return len(line), nil
}

// run writes until end is called and nothing is left.
func (o *outlet) run() {
	for {
		text, lost, ok := o.next()
		if !ok {
			return
		}
		if lost > 0 {
			o.note(lost)
			continue
		}
		_, _ = o.to.Write(text) // a terminal that has gone must not stop a deploy
	}
}

// next waits for what is to be written or told; it is false at the end.
func (o *outlet) next() (text []byte, lost int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.waiting) == 0 && o.lost == 0 && !o.ended {
		o.more.Wait()
	}
	switch {
	case len(o.waiting) > 0:
		text, o.waiting = o.waiting, nil
	case o.lost > 0:
		lost, o.lost = o.lost, 0
	default:
		return nil, 0, false
	}
	return text, lost, true
}

func (o *outlet) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.more.Signal()
}

// Detach has what is told be written by another goroutine from now on, so that
// whoever tells it never waits for who reads it. At the end, wait gives it a
// second to be written. It is called before anything is told.
func (c *Console) Detach() (wait func()) {
	o := newOutlet(c.out, func(lost int) {
		c.Complain(fmt.Sprintf("%d lines were not shown, since nobody read them", lost))
	})
	done := make(chan struct{})
	go func() { // ends with wait, unless nobody reads
		defer close(done)
		o.run()
	}()
	c.out, c.log = o, logOn(o, c.now)
	return func() {
		o.end()
		select {
		case <-done:
		case <-time.After(lastWords):
		}
	}
}

// logOn makes what writes lines for programs.
func logOn(out io.Writer, now func() time.Time) zerolog.Logger {
	return zerolog.New(out).Hook(zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, _ string) {
		e.Time("time", now())
	}))
}
