package page

import (
	"context"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// gatherFor is for how long what changes is gathered before it is sent.
	gatherFor = 20 * time.Millisecond
	// measureEvery is how often memory is measured while somebody looks.
	measureEvery = 5 * time.Second
	// mostEvents are remembered, for who comes later.
	mostEvents = 200
	// mostFrames may wait for a reader, who gets a snapshot instead after that.
	mostFrames = 64
)

// hub knows what is so, and tells its readers what changes. One goroutine has all of
// it; while nobody reads, that only remembers the last events.
type hub struct {
	agent   Agent
	started string

	reading atomic.Int32  // readers
	news    chan struct{} // has room for one: something may have changed
	told    chan []byte
	missed  atomic.Bool // something told was, since there was no room
	system  atomic.Pointer[System]
	asks    chan ask
	leaves  chan *reader
	over    chan struct{} // closed when nothing is told any more
}

// ask is somebody who wants a snapshot, and with frames what comes after it, too.
type ask struct {
	memory map[string]int64 // as it was measured for that
	stays  bool
	answer chan<- answer // has room for one
}

type answer struct {
	snapshot []byte
	id       string
	reader   *reader
}

// reader is one who is told of changes. frames is closed when it was too slow, or the
// hub is over.
type reader struct{ frames chan []byte }

func newHub(agent Agent, system System) *hub {
	h := &hub{
		agent: agent, started: strconv.FormatInt(time.Now().UnixMilli(), 36), news: make(chan struct{}, 1), told: make(chan []byte, 1024),
		asks: make(chan ask), leaves: make(chan *reader), over: make(chan struct{}),
	}
	h.system.Store(&system)
	return h
}

func (h *hub) configure(system System) {
	h.system.Store(&system)
	h.nudge()
}

// nudge says that something may have changed.
func (h *hub) nudge() {
	if h.reading.Load() == 0 {
		return
	}
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// tell tells of an event.
func (h *hub) tell(event []byte) {
	select {
	case h.told <- event:
	default:
		h.missed.Store(true)
	}
}

// state gives a snapshot.
func (h *hub) state(ctx context.Context) ([]byte, bool) {
	a, ok := h.ask(ctx, false)
	return a.snapshot, ok
}

// ask gives a snapshot, and with stays a reader who is told what comes after it.
func (h *hub) ask(ctx context.Context, stays bool) (answer, bool) {
	done := make(chan answer, 1)
	select {
	case h.asks <- ask{h.agent.Memory(), stays, done}:
	case <-ctx.Done():
		return answer{}, false
	case <-h.over:
		return answer{}, false
	}
	return <-done, true
}

// leave ends what ask has begun.
func (h *hub) leave(r *reader) {
	select {
	case h.leaves <- r:
	case <-h.over:
	}
}

func (h *hub) run(ctx context.Context) {
	s := &state{hub: h, readers: map[*reader]bool{}}
	var measuring sync.WaitGroup
	measured := make(chan map[string]int64, 1)
	measure := time.NewTicker(measureEvery)
	measure.Stop()
	defer measure.Stop()
	defer measuring.Wait()
	defer s.end()
	var gathered <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.news:
			if gathered == nil {
				gathered = time.After(gatherFor)
			}
		case <-gathered:
			gathered = nil
			s.refresh()
		case e := <-h.told:
			s.take(e)
		case a := <-h.asks:
			if a.stays && len(s.readers) == 0 {
				measure.Reset(measureEvery)
			}
			s.answer(a)
		case r := <-h.leaves:
			s.drop(r)
		case <-measure.C:
			if len(s.readers) == 0 {
				measure.Stop()
				measuring.Go(debug.FreeOSMemory) // what the pages needed, which else stays for minutes
				break
			}
			measuring.Go(func() {
				select {
				case measured <- h.agent.Memory():
				default: // the last one is not taken up yet
				}
			})
		case m := <-measured:
			s.measured(m)
			s.refresh()
		}
	}
}

// end tells all readers that there is nothing more.
func (s *state) end() {
	close(s.over)
	for r := range s.readers {
		close(r.frames)
	}
}
