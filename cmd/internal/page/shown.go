package page

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// State is what a snapshot says.
type State struct {
	At        time.Time         `json:"at"`
	Agent     json.RawMessage   `json:"agent"`
	Services  []json.RawMessage `json:"services"`
	Externals []External        `json:"externals,omitempty"`
	Events    []json.RawMessage `json:"events,omitempty"`
	// Available is what the machine has, in bytes.
	Available int64 `json:"memory_available_bytes,omitempty"`
}

func (s *state) snapshot() []byte {
	all := State{At: time.Now(), Agent: s.about, Externals: s.system.Externals, Events: s.events, Available: s.memory[""], Services: []json.RawMessage{}}
	there := maps.Clone(s.services)
	add := func(name string) {
		if text := there[name]; text != nil {
			all.Services = append(all.Services, text)
			delete(there, name)
		}
	}
	for _, d := range s.system.Services {
		add(d.Name)
	}
	for _, name := range s.names {
		add(name)
	}
	return encoded(all)
}

// Service is what is shown of one.
type Service struct {
	Described
	deployer.Status
}

// About is what is shown of the agent.
type About struct {
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Since     time.Time `json:"since"`
	Host      string    `json:"host,omitempty"`
	Watching  string    `json:"watching"`
	Degraded  string    `json:"degraded,omitempty"`
	Obstacles []string  `json:"obstacles,omitempty"`
	LeftOut   []string  `json:"left_out,omitempty"`
	Bases     []string  `json:"bases,omitempty"`
}

func about(s control.Status) About {
	host, _ := os.Hostname() // none is an answer
	a := About{
		Version: s.Version, PID: s.PID, Since: s.Since, Host: host, Watching: plain(s.Watching), Degraded: plain(s.Degraded),
		LeftOut: s.LeftOut, Bases: s.Bases,
	}
	for _, o := range s.Obstacles {
		a.Obstacles = append(a.Obstacles, plain(o))
	}
	return a
}

// cleaned gives a status whose texts are fit to be shown: reasons may hold what a
// command in a container has printed.
func cleaned(s deployer.Status) deployer.Status {
	s.Newest.Reason = plain(s.Newest.Reason)
	if s.Last != nil {
		last := *s.Last
		last.Error = plain(last.Error)
		s.Last = &last
	}
	s.Left = maps.Clone(s.Left)
	for name, why := range s.Left {
		s.Left[name] = plain(why)
	}
	s.Generations = slices.Clone(s.Generations)
	for i := range s.Generations {
		s.Generations[i].Reason = plain(s.Generations[i].Reason)
	}
	return s
}

// frame is a server-sent event. JSON has no line breaks of its own.
func frame(id, event string, data []byte) []byte {
	var b strings.Builder
	b.Grow(len(id) + len(event) + len(data) + 24)
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + event + "\ndata: ")
	b.Write(data)
	b.WriteString("\n\n")
	return []byte(b.String())
}
