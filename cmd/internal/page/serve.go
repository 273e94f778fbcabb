package page

import (
	"context"
	"net/netip"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
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
