package deployer

import (
	"slices"
	"strings"
	"time"
)

// NewestState says what became of the newest artefacts on disk.
type NewestState string

// The states of the newest artefacts. Empty: they are what is live.
const (
	Building NewestState = "building"
	Broken   NewestState = "failed"
	Refused  NewestState = "refused" // they cannot be deployed
	Pinned   NewestState = "pinned"  // an earlier set is live on purpose
	Paused   NewestState = "paused"  // nothing is to be deployed for now
)

// Newest is what is known of the newest artefacts of a service.
type Newest struct {
	Set    string      `json:"set,omitempty"`
	State  NewestState `json:"state,omitempty"`
	Reason string      `json:"reason,omitempty"`
}

// Last is how the last deploy of a service went.
type Last struct {
	Generation string        `json:"generation"`
	Set        string        `json:"set"`
	Ended      time.Time     `json:"ended"`
	Took       time.Duration `json:"took_ns"`
	Steps      []Step        `json:"steps"`
	Error      string        `json:"error,omitempty"`
}

// Status is how one service is doing.
type Status struct {
	Service    string    `json:"service"`
	State      string    `json:"state"` // live, down, deploying, waiting, building, failed, refused, pinned, paused or none
	Generation string    `json:"generation,omitempty"`
	Set        string    `json:"set,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	Address    string    `json:"address,omitempty"`
	Standby    string    `json:"standby,omitempty"`
	Draining   []string  `json:"draining,omitempty"`
	Failed     string    `json:"failed,omitempty"` // the generation that is kept of a deploy that failed
	// Left says of generations that should be gone why they are not yet.
	Left     map[string]string `json:"left,omitempty"`
	Memory   int64             `json:"memory_bytes,omitempty"` // held by the live generation; 0: not known
	Restarts int               `json:"restarts"`               // of the live generation, by this agent
	WaitsFor []string          `json:"waits_for,omitempty"`
	Newest   Newest            `json:"newest,omitzero"`
	Last     *Last             `json:"last,omitempty"`
}

// Status gives the status of every service, in the order of Options.Services.
func (d *Deployer) Status() []Status {
	var all []Status
	for _, l := range d.all() {
		all = append(all, l.status())
	}
	return all
}

func (l *lane) status() Status {
	l.mu.Lock()
	live, standby, activity, newest := l.live, l.standby, l.activity, l.newest
	if l.withheld.State != "" {
		newest = l.withheld
	}
	s := Status{Service: l.s.Name, State: "none", Restarts: l.restarted, Last: l.last}
	for g := range l.draining {
		s.Draining = append(s.Draining, g.Name())
	}
	l.mu.Unlock()

	slices.Sort(s.Draining)
	s.Left = l.d.garbage.of(l.s.Name)
	if standby != nil {
		s.Standby = standby.Name()
	}
	if kept := l.d.kept.of(l.s.Name); kept != nil && !l.d.lost(kept) {
		s.Failed = kept.Name()
	}
	if live != nil {
		s.State, s.Generation, s.Set, s.Since = "live", live.Name(), live.Set, live.Since
		s.Address = live.target().String()
		if l.d.alive(live) != nil {
			s.State = "down"
		}
		if init := int(live.init.Load()); init > 0 {
			s.Memory, _ = l.d.Machine.Memory(init) // not known is an answer
		}
	}
	if newest.State != "" {
		s.Newest = newest
	}
	switch {
	case activity != "":
		s.State = string(activity)
		if missing := l.d.wiring.lacks(l.s); len(missing) > 0 {
			s.State, s.WaitsFor = string(Waiting), missing
		}
	case newest.State != "" && s.State != "down":
		s.State = string(newest.State)
	}
	return s
}

// note says what became of the newest artefacts that came to this lane. It ends
// what the lane does with them, so that who is told of the end and asks for the
// status does not find it still under way.
func (l *lane) note(n Newest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest, l.withheld = n, Newest{}
	if n.State != Building {
		l.activity = ""
	}
}

func (l *lane) keepResult(g *Generation, r Result) {
	last := &Last{Generation: g.Name(), Set: r.Set, Ended: time.Now(), Took: r.Took, Steps: r.Steps}
	if r.Err != nil {
		last.Error = oneLine(r.Err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = last
}

// withhold says that newer ones did not even come so far.
func (l *lane) withhold(n Newest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.withheld = n
}

func (l *lane) act(k Kind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.activity = k
}

// oneLine is an error's text on one line.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
