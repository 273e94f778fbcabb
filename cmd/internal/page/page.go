// Package page serves the page that shows the system in a browser, and the same as
// JSON for editors and scripts (docs/page.md).
//
//	browser ─▶ listen.go ─▶ door.go ─▶ files.go           what is embedded
//	                           │  └──▶ session.go         the token becomes a cookie and a key
//	                           ▼
//	                         api.go ─▶ hub.go             what is so now, and what changes
//	                           │  └──▶ lines.go           what services print, and have printed
//	                           └─────▶ acts.go, about.go  what verbs can do, and what history has
//
// It can do nothing that a verb cannot: it calls what the control socket calls. A
// page elsewhere in the same browser reaches nothing, whatever name it has for this
// machine. Deploys never wait for it: what they publish is picked up by the hub's
// goroutine, which encodes it once for all readers, and a reader that is too slow
// gets a fresh snapshot instead.
package page

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// Agent is what is shown, and what can be asked for.
type Agent interface {
	// About says how the agent is, without its services.
	About() control.Status
	// Shown gives the status of each service as it was published last.
	Shown() []*deployer.Status
	// Memory measures what is held by what is live, by service.
	Memory() map[string]int64

	Deploy(ctx context.Context, services []string) ([]control.Outcome, error)
	Rollback(ctx context.Context, r control.RollbackRequest) (control.Outcome, error)
	Pause(ctx context.Context, r control.PauseRequest) error
	Divert(ctx context.Context, r control.DivertRequest) (control.Diverted, error)
	Restart(ctx context.Context, r control.RestartRequest) error
}

// Folders are where things are kept that the page reads.
type Folders struct {
	Token   string // a file
	History string
	Sets    string
	Logs    string
	LXC     string
}

// Options are what a Server works with.
type Options struct {
	Agent   Agent
	Folders Folders
	System  System
	// Say and Warn tell what becomes of the page itself.
	Say, Warn func(text string)
	// Asked tells that somebody wants something done, to be seen by all.
	Asked func(by, service, what string)
	// Secret says that what is said is read by a person at a terminal, so that the
	// address may be said with its token.
	Secret bool
}

// Server serves the page. Its methods may be called from anywhere.
type Server struct {
	Options
	door  *door
	hub   *hub
	lines *lines
	files *files
	acts  chan struct{} // a slot for each act under way

	compares chan struct{} // a slot for a comparison of sets

	wanted  chan netip.AddrPort // where it is to listen from now on
	streams chan struct{}       // a slot for each
	conns   atomic.Int32        // that are open
}

const (
	mostStreams     = 64
	mostActs        = 16
	mostConnections = 256
	mostRequest     = 64 << 10 // bytes
)

// New makes a server. Nothing is touched but the file of the token.
func New(o Options) (*Server, error) {
	token, err := loadToken(o.Folders.Token)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Options: o, door: newDoor(token), lines: newLines(), files: embedded(),
		acts: make(chan struct{}, mostActs), compares: make(chan struct{}, 1), streams: make(chan struct{}, mostStreams), wanted: make(chan netip.AddrPort, 1),
	}
	s.hub = newHub(o.Agent, o.System)
	s.wanted <- o.System.Listen
	return s, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.hub.run(ctx)
	}()
	s.serve(ctx)
	<-over
}

// Configure shows another system from now on, and listens where it says. Calls come
// from one goroutine.
func (s *Server) Configure(system System) {
	s.hub.configure(system)
	select {
	case <-s.wanted: // not taken up yet
	default:
	}
	s.wanted <- system.Listen
}

// Published says that the status of a service may have become another one.
func (s *Server) Published() { s.hub.nudge() }

// Tell shows what has happened: an object of JSON. It does not wait.
func (s *Server) Tell(event []byte) { s.hub.tell(event) }

// Line shows what a service prints. It does not wait.
func (s *Server) Line(l deployer.Line) { s.lines.line(l, time.Now()) }

// Address gives where the page is and the token that it wants; with renew it wants
// another one from now on, and knows nobody any more.
func (s *Server) Address(renew bool) (control.Page, error) {
	if renew {
		token, err := newToken(s.Folders.Token)
		if err != nil {
			return control.Page{}, err
		}
		s.door.admit(token)
		s.Say("the page wants another token from now on: jarloop page prints it")
	}
	return s.address(), nil
}
