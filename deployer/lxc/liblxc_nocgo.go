//go:build !cgo

package lxc

import (
	"errors"
	"io"
)

// errNoLiblxc says that the program was built without cgo, and so cannot
// manage containers.
var errNoLiblxc = errors.New("this program was built without liblxc: install lxc-dev and pkg-config and build with CGO_ENABLED=1")

// Version gives the version of liblxc; built without cgo there is none.
func Version() (string, error) { return "", errNoLiblxc }

// Serve answers one call; built without cgo it can only say so.
func Serve(_ io.Reader, _ io.Writer) error {
	return errNoLiblxc
}
