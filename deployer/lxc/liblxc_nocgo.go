//go:build !cgo

package lxc

import "io"

// Serve answers one call; built without cgo it can only say so.
func Serve(_ io.Reader, _ io.Writer, _ func(root string, files io.Reader) error) error {
	return ErrNoLiblxc
}
