// Package exit says with which status the program ends.
package exit

import (
	"errors"
	"fmt"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
)

// The program's exit statuses.
const (
	Done   = 0
	Failed = 1
	Usage  = 2 // wrong usage or configuration
)

// ErrSilent is a failure whose reason has been told already.
var ErrSilent = errors.New("")

// usageError is an error of who calls the program.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// AsUsage marks an error as one of usage.
func AsUsage(err error) error { return usageError{err} }

// Usagef makes an error of usage.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Status is what the program ends with after err.
func Status(err error) int {
	var usage usageError
	var wrong *config.Error
	var input control.InputError
	switch {
	case err == nil:
		return Done
	case errors.As(err, &usage), errors.As(err, &wrong), errors.As(err, &input):
		return Usage
	}
	return Failed
}
