//go:build !cgo

package lxc

import "io"

// Version gives the version of liblxc; built without cgo there is none.
func Version() (string, error) { return "", ErrNoLiblxc }

// Serve answers one call; built without cgo it can only say so.
func Serve(_ io.Reader, _ io.Writer, _ func(root string, files io.Reader) error) error {
	return ErrNoLiblxc
}
