package page

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// state is what the hub's goroutine knows.
type state struct {
	*hub
	number   int // of the last frame
	events   []json.RawMessage
	event    int // number of the last one
	readers  map[*reader]bool
	shown    map[string]*deployer.Status
	services map[string]json.RawMessage
	names    []string
	system   *System
	about    json.RawMessage
	memory   map[string]int64
}

// take remembers an event, and tells it when the status that goes with it is told.
func (s *state) take(event []byte) {
	s.event++
	var b bytes.Buffer
	b.WriteString(`{"id":` + strconv.Itoa(s.event) + `,"at":"` + time.Now().Format(time.RFC3339Nano) + `",`)
	b.Write(bytes.TrimSpace(event)[1:])
	s.events = append(s.events, b.Bytes())
	s.events = slices.Delete(s.events, 0, max(0, len(s.events)-mostEvents))
	if len(s.readers) == 0 {
		return
	}
	s.refresh()
	if s.missed.Swap(false) {
		s.send("snapshot", s.snapshot())
		return
	}
	s.send("event", b.Bytes())
}

// refresh looks what has changed, and tells it.
func (s *state) refresh() {
	whole := s.system != s.hub.system.Load()
	shown := s.agent.Shown()
	names := slices.Collect(func(yield func(string) bool) {
		for _, one := range shown {
			if !yield(one.Service) {
				return
			}
		}
	})
	whole = whole || !slices.Equal(names, s.names)
	if whole {
		s.system, s.names = s.hub.system.Load(), names
		s.shown, s.services = map[string]*deployer.Status{}, map[string]json.RawMessage{}
	}
	var changed []string
	for _, one := range shown {
		if s.shown[one.Service] == one {
			continue
		}
		s.shown[one.Service] = one
		text := s.encode(one)
		if !bytes.Equal(text, s.services[one.Service]) {
			s.services[one.Service] = text
			changed = append(changed, one.Service)
		}
	}
	about := encoded(about(s.agent.About()))
	other := !bytes.Equal(about, s.about)
	s.about = about
	if whole {
		if len(s.readers) > 0 {
			s.send("snapshot", s.snapshot())
		}
		return
	}
	if other {
		s.send("agent", about)
	}
	for _, name := range changed {
		s.send("service", s.services[name])
	}
}

// encode gives a service as readers see it.
func (s *state) encode(one *deployer.Status) json.RawMessage {
	v := Service{Status: cleaned(*one)}
	v.Memory = s.memory[one.Service]
	if i := slices.IndexFunc(s.system.Services, func(d Described) bool { return d.Name == one.Service }); i >= 0 {
		v.Described = s.system.Services[i]
	}
	return encoded(v)
}

// measured takes up how much memory is held, and tells what is different.
func (s *state) measured(now map[string]int64) {
	different := map[string]int64{}
	for name, bytes := range now {
		if s.memory[name] != bytes {
			different[name] = bytes
		}
	}
	s.memory = now
	for name := range different {
		if one := s.shown[name]; one != nil {
			s.services[name] = s.encode(one)
		}
	}
	if len(different) > 0 {
		s.send("memory", encoded(different))
	}
}

// answer gives a snapshot.
func (s *state) answer(a ask) {
	if a.memory != nil && s.system != nil {
		s.measured(a.memory)
	}
	s.memory = a.memory
	s.refresh()
	got := answer{snapshot: s.snapshot(), id: s.id()}
	if a.stays {
		got.reader = &reader{make(chan []byte, mostFrames)}
		s.readers[got.reader] = true
		s.reading.Store(int32(len(s.readers)))
	}
	a.answer <- got
}

func (s *state) id() string { return s.started + "-" + strconv.Itoa(s.number) }

// drop forgets a reader.
func (s *state) drop(r *reader) {
	if s.readers[r] {
		close(r.frames)
		delete(s.readers, r)
		s.reading.Store(int32(len(s.readers)))
	}
}

// send tells all readers. It is encoded once, and who cannot keep up is dropped.
func (s *state) send(event string, data []byte) {
	s.number++
	frame := frame(s.id(), event, data)
	for r := range s.readers {
		select {
		case r.frames <- frame:
		default:
			s.drop(r)
		}
	}
}
