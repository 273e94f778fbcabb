package page

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
)

// handler answers requests that come in where the page listens.
func (s *Server) handler(listen netip.AddrPort) http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("GET /api/state", s.state)
	api.HandleFunc("GET /api/events", s.events)
	api.HandleFunc("GET /api/logs", s.older)
	api.HandleFunc("GET /api/logs/stream", s.following)
	api.HandleFunc("GET /api/service/{name}", s.service)
	api.HandleFunc("GET /api/service/{name}/changes", s.changes)
	s.serveActs(api)
	open := http.NewServeMux()
	open.HandleFunc("POST /api/session", s.signIn)
	open.Handle("DELETE /api/session", s.inside(http.HandlerFunc(s.signOut)))
	open.Handle("/api/", s.inside(plainly(api)))
	all := plainly(open)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head(w.Header())
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		for _, no := range []*refusal{wellAddressed(r, listen, local), fromHere(r), wellFormed(r)} {
			if no != nil {
				refuse(w, no)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostRequest)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience))
		defer func() {
			if cause := recover(); cause != nil {
				s.survive(w, cause)
			}
		}()
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			s.files.ServeHTTP(w, r) // by exact names: there is nothing to be tidied in a path
			return
		}
		all.ServeHTTP(w, r)
	})
}

// head says what a browser may do with any answer.
func head(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), usb=()")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
}

// survive keeps a fault in an answer from ending the agent.
func (s *Server) survive(w http.ResponseWriter, cause any) {
	if err, is := cause.(error); is && errors.Is(err, http.ErrAbortHandler) {
		panic(cause) // the server's own way to cut off
	}
	stack := strings.SplitN(string(debug.Stack()), "\n", 12)
	s.Warn("a fault in the page: " + plain(strings.Join(append([]string{errorText(cause)}, stack...), " | ")))
	refuse(w, &refusal{http.StatusInternalServerError, "a fault in the page: the agent's output has more"})
}

func errorText(cause any) string {
	if err, is := cause.(error); is {
		return err.Error()
	}
	text, _ := cause.(string)
	return text
}

// inside lets those through who are signed in.
func (s *Server) inside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream := r.Method == http.MethodGet && (r.URL.Path == "/api/events" || r.URL.Path == "/api/logs/stream")
		if no := s.door.signedIn(r, stream); no != nil {
			refuse(w, no)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plainly has a mux answer as JSON where it knows no way.
func plainly(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := *r
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			probe.Method = method
			if _, pattern := mux.Handler(&probe); pattern != "" && method != r.Method {
				refuse(w, &refusal{http.StatusMethodNotAllowed, "this is not asked for by " + plain(r.Method)})
				return
			}
		}
		refuse(w, &refusal{http.StatusNotFound, "there is no such page"})
	})
}

// state gives a snapshot.
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	text, ok := s.hub.state(r.Context())
	if !ok {
		refuse(w, &refusal{http.StatusServiceUnavailable, "the agent ends"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // the client may have gone
}
