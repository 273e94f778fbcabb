package deployer

import (
	"context"
	"errors"
	"time"
)

// errNewer ends a deploy whose artefacts are not the newest any more, and
// errOther one whose service is configured otherwise by now.
var (
	errNewer = errors.New("newer artefacts have come")
	errOther = errors.New("the configuration has changed")
	errGone  = errors.New("the service has gone from the configuration")
)

// Result is how a deploy ended.
type Result struct {
	Service    string
	Generation string // the one that is live now
	Set        string
	Steps      []Step
	Took       time.Duration
	Plan       Plan
	Held       Held  // what had to wait meanwhile
	Err        error // nil: live, or nothing to do
}

// Open says that a deploy has not gone well and is not over either: it was given
// up, for another or with the agent, or it is made again by itself.
func (r Result) Open() bool {
	return givenUp(r.Err) || isOpen(r.Err)
}

// givenUp says that a deploy was given up on purpose.
func givenUp(err error) bool {
	return errors.Is(err, errNewer) || errors.Is(err, errOther) || errors.Is(err, errGone) || errors.Is(err, context.Canceled)
}
