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

// Status is how one service is doing.
type Status struct {
	Service    string    `json:"service"`
	State      string    `json:"state"` // live, down, deploying, waiting, building, failed, refused, missing, pinned, paused, diverted or none
	Generation string    `json:"generation,omitempty"`
	Set        string    `json:"set,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	Address    string    `json:"address,omitempty"`
	// Diverted is where names and ports lead in place of the live generation.
	Diverted string   `json:"diverted,omitempty"`
	Standby  string   `json:"standby,omitempty"`
	Draining []string `json:"draining,omitempty"`
	Failed   string   `json:"failed,omitempty"` // the generation that is kept of a deploy that failed
	// Left says of generations that should be gone why they are not yet.
	Left     map[string]string `json:"left,omitempty"`
	Memory   int64             `json:"memory_bytes,omitempty"` // held by the live generation; 0: not known
	Restarts int               `json:"restarts"`               // of the live generation, by this agent
	WaitsFor []string          `json:"waits_for,omitempty"`
	Newest   Newest            `json:"newest,omitzero"`
	Last     *Last             `json:"last,omitempty"`
}
