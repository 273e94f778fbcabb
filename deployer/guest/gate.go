package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// ErrEarly says that the unit has not come to its gate yet: the container has
// not booted so far, or another has just opened it. Call again soon.
var ErrEarly = errors.New("the unit has not come to its gate yet")

// OpenGate lets the unit pass that waits at its gate. One that has passed is
// no error, so it can be called until it is none. ReadyFile must be there
// before: a unit that comes later passes by itself.
func (r *Root) OpenGate() error {
	handle, err := r.find(gateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the gate in %s: %w", r.name, err)
	}
	defer handle.Close()
	if info, err := handle.Stat(); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		return fmt.Errorf("open the gate in %s: %w", r.name, errors.Join(ErrIrregular, err))
	}
	// Without a reader at the other end this fails rather than waits
	// (fifo(7)).
	gate, err := pathrs.Reopen(handle, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if errors.Is(err, unix.ENXIO) {
		return ErrEarly
	}
	if err != nil {
		return fmt.Errorf("open the gate in %s: %w", r.name, err)
	}
	defer gate.Close()
	err = writeNow(gate, "\n")
	if errors.Is(err, unix.EPIPE) { // another opened it first, and the unit left
		return ErrEarly
	}
	if err != nil {
		return fmt.Errorf("open the gate in %s: %w", r.name, err)
	}
	return nil
}

// Ready says whether the unit passes its gate by itself when it starts.
func (r *Root) Ready() bool { return r.exists(ReadyFile) }

// writeNow writes to a FIFO without waiting for room in it, which a container
// could leave for ever to be waited for (os.File.Write waits, whatever the
// descriptor's mode). One that is full lets pass whoever reads from it.
func writeNow(f *os.File, text string) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var wrote error
	err = raw.Write(func(fd uintptr) bool {
		_, wrote = unix.Write(int(fd), []byte(text))
		return true
	})
	if errors.Is(wrote, unix.EAGAIN) {
		wrote = nil
	}
	return errors.Join(err, wrote)
}
