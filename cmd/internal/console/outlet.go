package console

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

const (
	// mostWaiting is how much of what a service has printed may wait to be read, in
	// bytes; beyond that lines are left out.
	mostWaiting = 256 << 10
	// mostPerSecond is how much of it goes to the journal, which is the machine's own
	// and would be busy with nothing else.
	mostPerSecond = 128 << 10
	// lastWords is how long what still waits is waited for at the end.
	lastWords = time.Second
)

// entry is what is written as one: of the agent's own, which is never left out, or a
// line that a service has printed.
type entry struct {
	text     string
	printed  string            // by which service; "": the agent's own
	passing  bool              // soon renewed: nobody misses it
	fields   map[string]string // of the journal
	priority journal.Priority
}

// cost is about how much an entry holds.
func (e entry) cost() int { return len(e.text) + 100 }

// toStream writes entries one after the other.
func toStream(out io.Writer) func([]entry) error {
	return func(entries []entry) error {
		var all bytes.Buffer
		for _, e := range entries {
			all.WriteString(e.text)
		}
		_, err := out.Write(all.Bytes())
		return err
	}
}

// toJournal sends entries to the journal, and what that does not take to out, where
// it comes there too.
func toJournal(out io.Writer) func([]entry) error {
	return func(entries []entry) error {
		for _, e := range entries {
			if err := journal.Send(e.text, e.priority, e.fields); err != nil {
				fmt.Fprintln(out, e.text)
			}
		}
		return nil
	}
}

// outlet writes on a goroutine of its own, so that nobody waits: a terminal that
// Ctrl-S has stopped, or a program at the end of a pipe that does not read, holds up
// no deploy.
//
//	put ─▶ collect, which owns what waits ─▶ drain, which may block
type outlet struct {
	entries chan entry
	batches chan []entry
	ending  chan struct{} // closed by wait
	done    chan struct{} // closed when all is written
	// lost gives what is said of lines of a service that were left out.
	lost func(service string, lines int) entry
	// most is how much of each service may wait; with renew, in the time between two
	// of its ticks.
	most  int
	renew <-chan time.Time
}

// start begins, until wait is called.
func (o *outlet) start(write func([]entry) error) {
	o.entries, o.batches, o.ending, o.done = make(chan entry), make(chan []entry), make(chan struct{}), make(chan struct{})
	go o.collect()
	go func() {
		defer close(o.done)
		for batch := range o.batches {
			_ = write(batch) // a terminal that has gone must not stop a deploy
		}
	}()
}

func (o *outlet) put(e entry) error {
	select {
	case o.entries <- e:
	case <-o.done: // nobody writes any more
	}
	return nil
}

// collect keeps what waits, until wait is called and nothing does.
func (o *outlet) collect() {
	defer close(o.batches)
	var waiting []entry
	used, lost := map[string]int{}, map[string]int{} // by service
	explain := func() {
		for _, service := range slices.Sorted(maps.Keys(lost)) {
			waiting = append(waiting, o.lost(service, lost[service]))
		}
		clear(lost)
	}
	for ending := o.ending; len(waiting) > 0 || ending != nil; {
		batches := o.batches
		if len(waiting) == 0 {
			batches = nil
		}
		select {
		case e := <-o.entries:
			switch cost := e.cost(); {
			case e.printed != "" && used[e.printed]+cost <= o.most:
				used[e.printed] += cost
				fallthrough
			case e.printed == "":
				explain()
				waiting = append(waiting, e)
			case !e.passing:
				lost[e.printed]++
			}
		case batches <- waiting:
			waiting = nil
			if o.renew == nil {
				clear(used)
				explain()
			}
		case <-o.renew:
			clear(used)
			explain()
		case <-ending:
			ending = nil
			explain()
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
