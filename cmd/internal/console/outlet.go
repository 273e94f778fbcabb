package console

import (
	"io"
	"slices"
	"time"
)

const (
	// mostWaiting is how much may wait to be read, in bytes; beyond that lines
	// are left out.
	mostWaiting = 1 << 20
	// lastWords is how long what still waits is waited for at the end.
	lastWords = time.Second
)

// outlet writes on a goroutine of its own. Each Write is a line, and none waits: a
// terminal that Ctrl-S has stopped, or a program at the end of a pipe that does
// not read, holds up nobody.
//
//	Write ─▶ collect, which owns what waits ─▶ drain, which may block ─▶ to
type outlet struct {
	lines  chan []byte
	pieces chan piece
	ending chan struct{} // closed by wait
	done   chan struct{} // closed when all is written
}

// piece is what is written at once, or how many lines were left out; neither is
// the end.
type piece struct {
	text []byte
	lost int
}

// newOutlet makes an outlet that wait ends. note is called for lines that were left
// out, and may write.
func newOutlet(to io.Writer, note func(lost int)) *outlet {
	o := &outlet{
		lines: make(chan []byte), pieces: make(chan piece), ending: make(chan struct{}), done: make(chan struct{}),
	}
	go o.collect()
	go o.drain(to, note)
	return o
}

// Write implements io.Writer.
func (o *outlet) Write(line []byte) (int, error) {
	select {
	case o.lines <- slices.Clone(line):
	case <-o.done: // nobody writes any more
	}
	return len(line), nil
}

// collect keeps what waits, until wait is called and nothing does.
func (o *outlet) collect() {
	var text []byte
	var lost int
	ending := o.ending
	for {
		next := piece{text: text}
		if len(text) == 0 {
			next.lost = lost
		}
		end := len(text) == 0 && lost == 0
		pieces := o.pieces
		if end && ending != nil {
			pieces = nil
		}
		select {
		case line := <-o.lines:
			if lost > 0 || len(text)+len(line) > mostWaiting {
				lost++
			} else {
				text = append(text, line...)
			}
		case pieces <- next:
			if end {
				return
			}
			text, lost = nil, lost-next.lost
		case <-ending:
			ending = nil
		}
	}
}

func (o *outlet) drain(to io.Writer, note func(lost int)) {
	defer close(o.done)
	for p := range o.pieces {
		switch {
		case p.lost > 0:
			note(p.lost)
		case len(p.text) > 0:
			_, _ = to.Write(p.text) // a terminal that has gone must not stop a deploy
		default:
			return
		}
	}
}

// wait ends the outlet, and gives what still waits a second to be written. Beyond
// that its goroutines stay with whoever does not read.
func (o *outlet) wait() {
	close(o.ending)
	select {
	case <-o.done:
	case <-time.After(lastWords):
	}
}
