package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// ErrChanged says that something was changed by somebody else since it was read.
var ErrChanged = errors.New("it was changed meanwhile")

// unanswered is the error of a call to which nobody has answered: what it was about may be
// away, and the call may be made again later.
type unanswered struct{ error }

func (u unanswered) Unwrap() error { return u.error }

func (unanswered) Is(target error) bool {
	return target == deployer.ErrLate || target == deployer.ErrAway
}

// Error is what Incus has answered.
type Error struct {
	Call   string
	Status int // of HTTP
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("incus: %s: %s", e.Call, e.Text) }

// Is makes 412 ErrChanged. Where the cluster lets nothing be done, it is as if there were no
// answer.
func (e *Error) Is(target error) bool {
	if target == ErrChanged {
		return e.Status == http.StatusPreconditionFailed
	}
	return e.closed() && unanswered{}.Is(target)
}

// closed says whether the cluster has no quorum, or does not know the client's certificate
// any more.
func (e *Error) closed() bool {
	switch e.Status {
	case http.StatusForbidden:
		return e.Text == "not authorized" // else of a part, to one that is known
	case http.StatusServiceUnavailable:
		return true
	}
	return IsBroken(e) && slices.ContainsFunc([]string{"cowsql", "context deadline exceeded", "isn't ready yet"}, func(part string) bool {
		return strings.Contains(e.Text, part)
	})
}

// IsNotFound says whether what was asked for is not there: with a file its instance, too.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound || errors.Is(err, fs.ErrNotExist)
}

// IsForbidden says whether the client's certificate does not let it look or act there.
func IsForbidden(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusForbidden || strings.Contains(e.Text, "does not have permission")) // of a list, 500
}

// IsBroken says whether the fault is the cluster's own, and may be over soon.
func IsBroken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status >= http.StatusInternalServerError
}

// IsTaken says whether something cannot be made since its name is taken.
func IsTaken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusConflict || strings.Contains(e.Text, "already exists") ||
		strings.Contains(e.Text, "UNIQUE constraint"))
}
