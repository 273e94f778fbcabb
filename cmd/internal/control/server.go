package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// Agent is what the socket gives access to.
type Agent interface {
	Status() Status
	// Deploy deploys the services, all if none is named, and waits for the
	// outcome of each, or until ctx ends.
	Deploy(ctx context.Context, services []string) ([]Outcome, error)
	// Rollback deploys an earlier set of a service, and waits for the outcome.
	Rollback(ctx context.Context, r RollbackRequest) (Outcome, error)
	// Pause says whether new artefacts of a service are to be deployed.
	Pause(ctx context.Context, r PauseRequest) error
	// ChangeData removes or replaces the data of a service, which is down
	// meanwhile.
	ChangeData(ctx context.Context, r DataRequest) error
	// Divert leads names and ports of a service elsewhere, or back.
	Divert(ctx context.Context, r DivertRequest) (Diverted, error)
	// Restart ends what runs of a service, and starts what was live again.
	Restart(ctx context.Context, r RestartRequest) error
	// Page says where the page is.
	Page(ctx context.Context, r PageRequest) (Page, error)
}

// InputError marks an error of an Agent as the caller's mistake, for programs:
// its text is that of the error, since a person reads it.
type InputError struct{ Err error }

func (e InputError) Error() string { return e.Err.Error() }

func (e InputError) Unwrap() error { return e.Err }

const (
	mostClients = 64
	mostRequest = 1 << 20 // bytes
)

// notUnderstood begins the answer to a request that cannot be read: the verbs of
// this version make none.
const notUnderstood = "the agent does not understand this, and may be of another version: "

// Listen makes the socket, in place of one that a killed agent has left. The
// caller holds the agent's lock, so nobody listens there. Something of somebody
// else by that name is an error, and stays. Closing the listener removes the
// socket.
func Listen(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("%s is there and is no socket: move it away", path)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			return nil, fmt.Errorf("%s is a socket of user %d: move it away", path, st.Uid)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	// The folder is closed to others until the mode is set: there is no
	// moment in which someone could slip in.
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Serve answers on l until ctx ends, and closes it. Answers that are being given
// then have a second left; when Serve returns, every connection is closed. warn
// receives the clients that are refused, from one goroutine.
func Serve(ctx context.Context, l net.Listener, agent Agent, warn func(text string)) error {
	var clients sync.WaitGroup
	server := newServer(ctx, agent, &clients)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // those that took longer are cut off
		}
	})
	err := server.Serve(&checked{Listener: l, slots: make(chan struct{}, mostClients), refusals: refusals{warn: warn}})
	if stop() {
		_ = server.Close() // the listener failed; err says so
	} else {
		<-stopped
	}
	clients.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// newServer makes the server whose requests end with ctx. It adds each client
// to clients for as long as it is being answered.
func newServer(ctx context.Context, agent Agent, clients *sync.WaitGroup) *http.Server {
	return &http.Server{
		Handler:           handler(agent),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second, // of a request; a deploy takes as long as it takes
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew: // comes before server.Serve returns
				clients.Add(1)
			case http.StateClosed: // comes when the handler has returned
				clients.Done()
			}
		},
	}
}

func handler(agent Agent) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, agent.Status())
	})
	mux.HandleFunc("POST /v1/deploy", post(func(ctx context.Context, r DeployRequest) ([]Outcome, error) {
		return agent.Deploy(ctx, r.Services)
	}))
	mux.HandleFunc("POST /v1/rollback", post(agent.Rollback))
	mux.HandleFunc("POST /v1/pause", post(func(ctx context.Context, r PauseRequest) (struct{}, error) {
		return struct{}{}, agent.Pause(ctx, r)
	}))
	mux.HandleFunc("POST /v1/data", post(func(ctx context.Context, r DataRequest) (struct{}, error) {
		return struct{}{}, agent.ChangeData(ctx, r)
	}))
	mux.HandleFunc("POST /v1/divert", post(agent.Divert))
	mux.HandleFunc("POST /v1/restart", post(func(ctx context.Context, r RestartRequest) (struct{}, error) {
		return struct{}{}, agent.Restart(ctx, r)
	}))
	mux.HandleFunc("POST /v1/page", post(agent.Page))
	return mux
}

// post makes a handler of what is done with a request.
func post[In, Out any](do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request In
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostRequest))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&request); err != nil {
			reply(w, http.StatusBadRequest, failure{notUnderstood + err.Error()})
			return
		}
		answer, err := do(r.Context(), request)
		var input InputError
		switch {
		case errors.As(err, &input):
			reply(w, http.StatusBadRequest, failure{err.Error()})
		case err != nil:
			reply(w, http.StatusInternalServerError, failure{err.Error()})
		default:
			reply(w, http.StatusOK, answer)
		}
	}
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client may have gone
}
