package deployer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Service is what a deploy has to know of a service.
type Service struct {
	Name string
	// Base is the container that generations are cloned from.
	Base string
	// Target is the folder inside the container that receives the artefacts.
	Target string
	// Exec is a shell command line; empty means what Runs finds.
	Exec string
	// Runs is what Exec runs of the artefacts, see watcher.Service; a pattern in
	// Exec gives way to the one file that watcher.Set.Main finds. It follows from
	// the keys above.
	Runs string `json:"-"`
	// Plain says that Exec is run as it is written: java -jar is not made faster.
	Plain bool `json:",omitempty"`
	// Env is added to the environment of what Exec runs. It may hold secrets, and
	// goes nowhere else.
	Env map[string]string `json:",omitempty"`
	// Memory and CPUs are what it may take; 0: as much as there is.
	Memory int64   `json:",omitempty"`
	CPUs   float64 `json:",omitempty"`
	// Backing says that the service has no artefacts: its base holds what it runs.
	Backing bool `json:",omitempty"`
	// Unready says why the service cannot be deployed as it is configured, as when
	// a file is missing that its Env comes from; empty: it can.
	Unready string `json:"-"`
	// Port is the TCP port that the service listens on; 0: it is found out, or it
	// has none. Worker says the latter.
	Port   uint16
	Worker bool `json:",omitempty"`
	// Needs are the services that this one calls by name, and waits for.
	Needs []string
	// Knows are those, and what leads out of the machine, that it may call by name
	// and does not wait for. Its own name leads to itself.
	Knows []string
	// Logs are globs of files inside the container to follow beside the
	// standard output.
	Logs []string
	// Health is what proves a new generation.
	Health Health
	// Drain is how long an old generation may go on with what it was doing.
	Drain time.Duration
	// StopTimeout is how long the processes of a generation may take to end when
	// they are asked to.
	StopTimeout time.Duration
	// ReloadCommand is a shell command line, run inside when names that the
	// service needs lead elsewhere; empty: none.
	ReloadCommand string
	// Debug is the port on which the service's JVM listens for a debugger; 0:
	// it does not.
	Debug uint16 `json:",omitempty"`
	// Before and After are commands of the host, run before artefacts are
	// installed and after a generation has gone live; empty: none.
	// HookTimeout is how long either may take.
	Before, After []string      `json:",omitempty"`
	HookTimeout   time.Duration `json:",omitempty"`
	// Data are folders inside that outlive generations.
	Data []string `json:",omitempty"`
	// Replace is how a generation takes the place of the one before.
	Replace Replace `json:",omitempty"`
}

// Replace is how a generation takes the place of the one before.
type Replace string

const (
	// Overlap has both run until the new one is proven.
	Overlap Replace = "overlap"
	// StopFirst has the old one end before the new one begins.
	StopFirst Replace = "stop-first"
)

// guestFormat is raised when what is put inside a container changes.
const guestFormat = 8

// fingerprint is equal for two services whose containers would be the same
// but for their artefacts and addresses. It is in the record, which as the values
// of Env beside it in the container only root can read: a hash with a key would
// hide nothing more, and change with the key.
func (s Service) fingerprint() string {
	// What is left out can change under a running generation.
	s.Health, s.Drain, s.StopTimeout = Health{}, 0, 0
	s.ReloadCommand, s.Logs, s.Needs, s.Knows = "", nil, nil, nil
	s.Before, s.After, s.HookTimeout = nil, nil, 0
	s.Replace = ""
	return hashed(s)
}

// guest is equal for two services whose containers would be the same up to where they
// wait for artefacts and a command: what is in a Spec.
func (s Service) guest() string {
	return hashed(Service{Base: s.Base, Data: s.Data, Memory: s.Memory, CPUs: s.CPUs})
}

func hashed(s Service) string {
	text, err := json.Marshal(struct {
		Service
		Format int
	}{s, guestFormat})
	if err != nil {
		panic(err) // a struct of strings and numbers marshals
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// fits says whether a generation is what would be made of the service now, but
// for its artefacts. While that is not known, what there is stays.
func (s Service) fits(g *Generation) bool {
	return s.Unready != "" || g.Fingerprint == s.fingerprint() && g.Base == s.Base
}

// suits says whether a standby can become a generation of the service as it is now.
func (s Service) suits(standby *Generation) bool {
	return s.Unready != "" || standby.Guest == s.guest()
}
