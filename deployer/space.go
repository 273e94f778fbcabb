package deployer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A deploy that has failed because a disk is full is tried again (retry.go) when
// that has clearly more space than it had before: once, and then it must have clearly
// more again. So nobody has to ask for it when the disk has been tidied up, and
// one that stays full is not reported again and again.

// What a disk has less of is full.
const (
	fewBytes = 1 << 20
	fewFiles = 64
)

func (s Space) full() bool { return s.Bytes < fewBytes || !s.NoFiles && s.Files < fewFiles }

// hasMoreSpace says whether there is so much more now in one of the places that
// it is worth another attempt.
func hasMoreSpace(now, before []Space) bool {
	for _, n := range now {
		for _, b := range before {
			if n.Where == b.Where &&
				(n.Bytes >= b.Bytes+max(b.Bytes/2, fewBytes) || n.Files >= b.Files+max(b.Files/2, fewFiles)) {
				return true
			}
		}
	}
	return false
}

// fullError is one of which a full disk is the likely cause, though it does not
// say so: that of an overlay that could not be mounted is EINVAL for liblxc, and
// that of a service in a container anything.
type fullError struct {
	error
	Space
}

func (e *fullError) Error() string {
	return fmt.Sprintf("%v (no space left on device: %s has room for %d KiB and %d files)", e.error, e.Where, e.Bytes>>10, e.Files)
}

func (e *fullError) Unwrap() error        { return e.error }
func (e *fullError) Is(target error) bool { return target == unix.ENOSPC }

// explainFull adds to what has failed that a disk is full. It is to be called
// before anything is undone.
func (s *shop) explainFull(ctx context.Context, err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return err
	}
	all, _ := s.Engine.Space(ctx) // what is not known explains nothing
	for _, space := range all {
		if space.full() {
			return &fullError{err, space}
		}
	}
	return err
}
