package deployer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/watcher"
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
	return errors.Is(err, errNewer) || errors.Is(err, errOther) || errors.Is(err, errGone) ||
		errors.Is(err, watcher.ErrUnsound) || errors.Is(err, context.Canceled)
}

// isLate says whether the machine was too slow to make a generation, or to start its
// service. A reload command that hangs in a switch is no matter of the machine, and
// what has to stop first is not stopped time and again.
func isLate(err error) bool {
	var step *stepError
	return errors.Is(err, ErrLate) && errors.As(err, &step) && !step.Stopped && step.Step != "switch"
}

// isOpen says whether a deploy that has failed so is made again by itself.
func isOpen(err error) bool {
	var held *heldBackError
	return errors.Is(err, unix.ENOSPC) || errors.As(err, &held) || isLate(err)
}

// WishError says that what a person asks for cannot be.
type WishError struct{ Err error }

func (e WishError) Error() string { return e.Err.Error() }

func (e WishError) Unwrap() error { return e.Err }

func wrong(format string, args ...any) error { return WishError{fmt.Errorf(format, args...)} }
