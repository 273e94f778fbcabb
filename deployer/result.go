package deployer

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Result is how a deploy ended.
type Result struct {
	Service    string
	Generation string // the one that is live now
	Set        string
	Steps      []Step
	Took       time.Duration
	Plan       Plan
	Err        error // nil: live, or nothing to do
}

// Open says that a deploy has not gone well and is not over either: it was given
// up, for another or with the agent, or it is made again by itself, when there is
// more room or with the next build.
func (r Result) Open() bool {
	return r.givenUp() || r.heldBack() || errors.Is(r.Err, unix.ENOSPC)
}

// givenUp says that it was given up on purpose.
func (r Result) givenUp() bool {
	return errors.Is(r.Err, errNewer) || errors.Is(r.Err, errDropped) || errors.Is(r.Err, context.Canceled)
}

// heldBack says that it was well, and another service of its build was not.
func (r Result) heldBack() bool {
	var held *heldBackError
	return errors.As(r.Err, &held)
}
