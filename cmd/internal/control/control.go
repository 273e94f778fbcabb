// Package control is how the other verbs talk to the agent that runs: HTTP
// with JSON over a unix socket that only root and its group may use.
//
//	GET  /v1/status   the agent and every service
//	POST /v1/deploy   deploy services now; answers when each has ended
//	POST /v1/rollback deploy an earlier set; answers when that has ended
//	POST /v1/pause    deploy nothing of a service for now, or again
//	POST /v1/data     remove or replace the data of a service, which is down meanwhile
//	POST /v1/divert   lead names and ports of a service elsewhere, or back
//	POST /v1/restart  end what runs of a service, and start what was live again
//	POST /v1/page     where the page is, and its token; or another token
package control

import (
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// Status is the state of the agent and of every service.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	// Watching says how the shared folder is watched, and why so.
	Watching string `json:"watching"`
	// Bases are the containers that clones are made of.
	Bases []string `json:"bases,omitempty"`
	// Degraded says what keeps the watcher from seeing changes; empty: nothing.
	Degraded string `json:"degraded,omitempty"`
	// LeftOut are the services that the agent was told not to run.
	LeftOut []string `json:"left_out,omitempty"`
	// Obstacles are rules of others that keep requests from services, why a cluster lets
	// nothing be done, and where a port of members is not open, each with its remedy.
	Obstacles []string `json:"obstacles,omitempty"`
	// MemberPorts are the ports that members of a cluster are to open.
	MemberPorts []deployer.Opened `json:"member_ports,omitempty"`
	Services    []deployer.Status `json:"services"`
}

// DeployRequest names the services to deploy; none means all.
type DeployRequest struct {
	Services []string `json:"services"`
}

// RollbackRequest names the service, and how the ID of the set begins; no set
// means the one that was live before.
type RollbackRequest struct {
	Service string `json:"service"`
	Set     string `json:"set,omitempty"`
}

// PauseRequest says whether new artefacts of a service are held back.
type PauseRequest struct {
	Service string `json:"service"`
	Paused  bool   `json:"paused"`
}

// DataRequest says what becomes of the data of a service: they are what an archive
// holds, or removed if none is named.
type DataRequest struct {
	Service string `json:"service"`
	Import  string `json:"import,omitempty"` // the absolute path of a file
}

// DivertRequest says where names and ports of a service are to lead: HOST:PORT, or
// "" for what is live.
type DivertRequest struct {
	Service string `json:"service"`
	To      string `json:"to"`
}

// RestartRequest names the service whose live generation is to be started again.
type RestartRequest struct {
	Service string `json:"service"`
}

// PageRequest says whether the page is to want another token from now on.
type PageRequest struct {
	Renew bool `json:"renew,omitempty"`
}

// Page says where the page is.
type Page struct {
	URL   string `json:"url,omitempty"` // with the token; empty: it is off
	Token string `json:"token"`
}

// Diverted says where names and ports lead.
type Diverted struct {
	To      string `json:"to"`
	Warning string `json:"warning,omitempty"` // nothing answers there yet
}

// Outcome is how the deploy of one service ended.
type Outcome struct {
	Service    string        `json:"service"`
	Generation string        `json:"generation,omitempty"`
	Set        string        `json:"set,omitempty"`
	Took       time.Duration `json:"took_ns"`
	Error      string        `json:"error,omitempty"`
}

type failure struct {
	Error string `json:"error"`
}
