package page

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
)

type serviceRequest struct {
	Service string `json:"service"`
}

type outcomes struct {
	Outcomes []control.Outcome `json:"outcomes"`
}

// serveActs serves what verbs can do.
func (s *Server) serveActs(mux *http.ServeMux) {
	one := func(r serviceRequest) []string { return []string{r.Service} }
	mux.Handle("POST /api/acts/deploy", act(s, "deploy", func(r control.DeployRequest) []string { return r.Services },
		func(ctx context.Context, r control.DeployRequest) (outcomes, error) {
			all, err := s.Agent.Deploy(ctx, r.Services)
			return cleanOutcomes(all), err
		}))
	mux.Handle("POST /api/acts/rollback", act(s, "rollback", func(r control.RollbackRequest) []string { return []string{r.Service} },
		func(ctx context.Context, r control.RollbackRequest) (outcomes, error) {
			o, err := s.Agent.Rollback(ctx, r)
			return cleanOutcomes([]control.Outcome{o}), err
		}))
	mux.Handle("POST /api/acts/pause", act(s, "pause", one, func(ctx context.Context, r serviceRequest) (struct{}, error) {
		return struct{}{}, s.Agent.Pause(ctx, control.PauseRequest{Service: r.Service, Paused: true})
	}))
	mux.Handle("POST /api/acts/resume", act(s, "resume", one, func(ctx context.Context, r serviceRequest) (struct{}, error) {
		return struct{}{}, s.Agent.Pause(ctx, control.PauseRequest{Service: r.Service})
	}))
	mux.Handle("POST /api/acts/divert", act(s, "divert", func(r control.DivertRequest) []string { return []string{r.Service} },
		func(ctx context.Context, r control.DivertRequest) (control.Diverted, error) {
			done, err := s.Agent.Divert(ctx, r)
			done.Warning = plain(done.Warning)
			return done, err
		}))
	mux.Handle("POST /api/acts/restart", act(s, "restart", one, func(ctx context.Context, r serviceRequest) (struct{}, error) {
		return struct{}{}, s.Agent.Restart(ctx, control.RestartRequest(r))
	}))
}

// act makes a handler of what is done with a request, and has all see who asked for
// it. Services give what it is done to; none means all.
func act[In, Out any](s *Server, what string, services func(In) []string, do func(context.Context, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.acts <- struct{}{}:
			defer func() { <-s.acts }()
		default:
			refuse(w, &refusal{http.StatusTooManyRequests, "too much is being done already: wait for it"})
			return
		}
		var request In
		if !decode(w, r, &request) {
			return
		}
		who := "the page, " + peer(r)
		asked := services(request)
		if len(asked) == 0 {
			asked = []string{""}
		}
		for _, service := range asked {
			s.Asked(who, plain(service), what)
		}
		rc := http.NewResponseController(w)
		_ = rc.SetWriteDeadline(time.Time{}) // a deploy takes as long as it takes
		answer, err := do(r.Context(), request)
		_ = rc.SetWriteDeadline(time.Now().Add(patience))
		if err != nil {
			failed(w, err)
			return
		}
		reply(w, http.StatusOK, answer)
	})
}

// peer is where a request comes from.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func cleanOutcomes(all []control.Outcome) outcomes {
	for i := range all {
		all[i].Error = plain(all[i].Error)
	}
	return outcomes{all}
}
