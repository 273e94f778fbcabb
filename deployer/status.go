package deployer

import "time"

// NewestState says what became of the newest artefacts on disk.
type NewestState string

// The states of the newest artefacts. Empty: they are what is live.
const (
	Building NewestState = "building"
	Broken   NewestState = "failed"
	Refused  NewestState = "refused" // they cannot be deployed
	Missing  NewestState = "missing" // what the command runs is not there
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

// Progress is how far a deploy has come. A value is never changed.
type Progress struct {
	Generation string    `json:"generation"`
	Set        string    `json:"set"`
	Since      time.Time `json:"since"` // when its files had changed, or it was asked for
	Steps      []Step    `json:"steps,omitempty"`
	Step       string    `json:"step,omitempty"` // it is at that one
	StepSince  time.Time `json:"step_since,omitzero"`
}

// Exists is a generation that there is.
type Exists struct {
	Generation string `json:"generation"`
	Number     int    `json:"number"`
	// State is making, standby, candidate, live, draining, kept or removing.
	State   string    `json:"state"`
	Set     string    `json:"set,omitempty"`
	Since   time.Time `json:"since,omitzero"` // when it went live
	Address string    `json:"address,omitempty"`
	Reason  string    `json:"reason,omitempty"` // why it is not gone yet
}

// Status is how one service is doing.
type Status struct {
	Service    string    `json:"service"`
	State      string    `json:"state"` // live, down, deploying, waiting, building, failed, refused, missing, pinned, paused, diverted or none
	Generation string    `json:"generation,omitempty"`
	Set        string    `json:"set,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	Address    string    `json:"address,omitempty"`
	Down       string    `json:"down,omitempty"` // why what is live does not run
	// Diverted is where names and ports lead in place of the live generation.
	Diverted string   `json:"diverted,omitempty"`
	Standby  string   `json:"standby,omitempty"`
	Draining []string `json:"draining,omitempty"`
	Failed   string   `json:"failed,omitempty"` // the generation that is kept of a deploy that failed
	// Left says of generations that should be gone why they are not yet.
	Left map[string]string `json:"left,omitempty"`
	// Start is how the live generation was started, where its command runs java -jar.
	Start    *StartStatus `json:"start,omitempty"`
	Memory   int64        `json:"memory_bytes,omitempty"` // held by the live generation; 0: not known
	Restarts int          `json:"restarts"`               // of the live generation, by this agent
	WaitsFor []string     `json:"waits_for,omitempty"`
	Newest   Newest       `json:"newest,omitzero"`
	// Deploy is how far the deploy under way has come.
	Deploy *Progress `json:"deploy,omitempty"`
	// Generations are all that exist, by number.
	Generations []Exists `json:"generations,omitempty"`
	Last        *Last    `json:"last,omitempty"`
}
