// Package page serves the page that shows the system in a browser, and the same as
// JSON for editors and scripts (docs/page.md).
//
//	browser ─▶ listen.go ─▶ door.go ─▶ files.go, bundle.go what is embedded, as one document
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
}

// Options are what a Server works with.
type Options struct {
	Agent   Agent
	Folders Folders
	System  System
	// Record gives that of a generation.
	Record func(service string, number int) ([]byte, error)
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
