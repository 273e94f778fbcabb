package deployer

import "time"

// Kind says what an Event tells.
type Kind string

// The kinds of events.
const (
	Deploying Kind = "deploying" // a deploy has begun
	Waiting   Kind = "waiting"   // it waits for services that it needs
	WentLive  Kind = "live"      // a generation is live
	Failed    Kind = "failed"    // a deploy failed; what was live still is
	Unchanged Kind = "unchanged" // nothing to do
	Died      Kind = "died"      // a live generation's service ended
	Back      Kind = "back"      // the previous generation is live again
	Restarted Kind = "restarted" // an ended service was started again
	Retired   Kind = "retired"   // an old generation is gone
	Adopted   Kind = "adopted"   // a generation found at the start serves on
	Repaired  Kind = "repaired"  // what somebody had changed is put back
	Archived  Kind = "archived"  // an archive of classes was made: what starts from now on is faster
	Warning   Kind = "warning"   // something went wrong that stops nothing
)

// Event is one thing that happened. Fields that say nothing are empty.
type Event struct {
	Kind       Kind
	Service    string
	Generation string // the container's name
	Set        string // the artefact set's ID
	Address    string
	Took       time.Duration
	Steps      []Step
	Step       string   // the one that failed
	Reason     string   // in one line
	Tail       []string // what the candidate printed last, a stack trace whole
	Serving    string   // the generation that still serves after a failure
	Kept       bool     // the one that failed is kept, to be looked into
}

// Line is one line that a service printed.
type Line struct {
	Service    string
	Generation string
	File       string // base name of the file, empty for standard output and error
	Text       string // free of control characters
	Coloured   string // the same in the colours that it was printed in; "": it has none
	// Offset is where the next line begins in what is kept of the output; 0: it is not
	// kept there.
	Offset int64
	// Unfinished says that it is being written anew, as progress bars are, and comes
	// again.
	Unfinished bool
}
