// Package notify sends events to other programs: as JSON to a command of the VM,
// and to a web address. It runs the hooks of services too, which are commands of
// the same kind.
//
//	Tell ──▶ queue, bounded ──▶ Run, one event at a time ──▶ command
//	   never waits                  no longer than Timeout └──▶ webhook
//
// What guests have printed goes into the JSON alone: no shell and no environment
// ever sees it.
package notify

import (
	"encoding/json"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// Refused is the event of artefacts that cannot be deployed; all others are named
// like the deployer's.
const Refused = "refused"

// Event is what is sent, as JSON. Keys keep their meaning; others may come. Those
// that say nothing are left out.
type Event struct {
	Event      string    `json:"event"`
	Time       time.Time `json:"time"`
	Service    string    `json:"service,omitempty"`
	Generation string    `json:"generation,omitempty"`
	Set        string    `json:"set,omitempty"`
	Address    string    `json:"address,omitempty"`
	TookMS     int64     `json:"took_ms,omitempty"`
	Steps      []Step    `json:"steps,omitempty"`
	Step       string    `json:"step,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Tail       []string  `json:"tail,omitempty"`
	Serving    string    `json:"serving,omitempty"`
}

// Step is one step of a deploy.
type Step struct {
	Name   string `json:"name"`
	TookMS int64  `json:"took_ms"`
}

// Of gives the event for one of the deployer.
func Of(e deployer.Event) Event {
	event := Event{
		Event: string(e.Kind), Time: time.Now(), Service: e.Service, Generation: e.Generation, Set: e.Set, Address: e.Address,
		TookMS: e.Took.Milliseconds(), Step: e.Step, Reason: e.Reason, Tail: e.Tail, Serving: e.Serving,
	}
	for _, s := range e.Steps {
		event.Steps = append(event.Steps, Step{s.Name, s.Took.Milliseconds()})
	}
	return event
}

// json gives the event as one line.
func (e Event) json() ([]byte, error) {
	text, err := json.Marshal(e)
	return append(text, '\n'), err
}

// environment is what of an event a command finds in its environment: words of our
// own, which no guest has a say in.
func (e Event) environment() []string {
	return []string{
		"JARLOOP_EVENT=" + e.Event, "JARLOOP_SERVICE=" + e.Service, "JARLOOP_GENERATION=" + e.Generation,
		"JARLOOP_SET=" + e.Set, "JARLOOP_ADDRESS=" + e.Address,
	}
}
