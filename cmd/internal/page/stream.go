package page

import (
	"context"
	"net/http"
	"time"
)

const (
	// aliveEvery is how often a stream says that it is there when there is nothing else.
	aliveEvery = 10 * time.Second
	// mostWrite is how long a client may take to receive what is written.
	mostWrite = 30 * time.Second
	// mostAtOnce is how much is gathered for one write, in bytes.
	mostAtOnce = 16 << 10
)

// stream writes server-sent events to one client.
type stream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	ctx context.Context
}

// openStream begins the answer. It gives nil where there are too many already; else
// closeStream is to follow.
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) *stream {
	select {
	case s.streams <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "5")
		refuse(w, &refusal{http.StatusServiceUnavailable, "too many pages are open: close one"})
		return nil
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // of a proxy
	w.WriteHeader(http.StatusOK)
	return &stream{w, http.NewResponseController(w), r.Context()}
}

func (s *Server) closeStream() { <-s.streams }

// write sends text, and says whether the client is still there.
func (t *stream) write(text []byte) bool {
	if t.ctx.Err() != nil {
		return false
	}
	_ = t.rc.SetWriteDeadline(time.Now().Add(mostWrite))
	if _, err := t.w.Write(text); err != nil {
		return false
	}
	return t.rc.Flush() == nil
}

// bye says that nothing comes any more. The server gives a moment for it.
func (t *stream) bye() {
	_ = t.rc.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := t.w.Write(frame("", "bye", []byte(`{"reason":"the agent ends, or the page moves"}`))); err == nil {
		_ = t.rc.Flush()
	}
}

// events streams a snapshot, and then what changes.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	t := s.openStream(w, r)
	if t == nil {
		return
	}
	defer s.closeStream()
	first := []byte("retry: 1000\n\n")
	for {
		a, ok := s.hub.ask(t.ctx, true)
		if !ok {
			t.bye()
			return
		}
		if t.write(append(first, frame(a.id, "snapshot", a.snapshot)...)) {
			t.pass(a.reader.frames)
		}
		s.hub.leave(a.reader)
		first = nil
		switch {
		case s.ending(t.ctx):
			t.bye()
			return
		case t.ctx.Err() != nil:
			return
		}
	}
}

// pass sends frames until there are no more for this reader, or it has gone.
func (t *stream) pass(frames <-chan []byte) {
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-alive.C:
			if !t.write([]byte(": alive\n\n")) {
				return
			}
		case frame, more := <-frames:
			if !more {
				return
			}
			text := append([]byte(nil), frame...)
			for gathering := true; gathering && len(text) < mostAtOnce; {
				select {
				case frame, more := <-frames:
					if !more {
						gathering = false
					}
					text = append(text, frame...)
				default:
					gathering = false
				}
			}
			if !t.write(text) {
				return
			}
		}
	}
}

type endingKey struct{}

// ending says whether the server of a request ends, rather than its client.
func (s *Server) ending(ctx context.Context) bool {
	serving, _ := ctx.Value(endingKey{}).(context.Context)
	return serving != nil && serving.Err() != nil
}
