package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// ErrUnsound is what Wait gives of a set whose files are not whole.
var ErrUnsound = errors.New("the files are not whole")

// Reading is the reading of a set to the last byte of its archives. It goes on
// beside what is done with the set, so that nobody waits for it who need not.
type Reading struct {
	done chan struct{}
	err  error // set before done is closed
}

// NewReading gives a Reading, and what ends it; that is to be called once. Its
// error is what Wait gives.
func NewReading() (r *Reading, end func(error)) {
	r = &Reading{done: make(chan struct{})}
	return r, func(err error) {
		r.err = err
		close(r.done)
	}
}

// Wait waits until the set has been read. It gives nil if all of it is whole,
// ErrUnsound with the reason if not; any other error is about reading it, or that
// of ctx. A nil Reading has ended well.
func (r *Reading) Wait(ctx context.Context) error {
	if r == nil {
		return nil
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readSet reads a set to its last byte, but for what the set before has, too, and
// is known to be whole. One that is whole counts as such from then on.
func (f folder) readSet(ctx context.Context, set, before Set, beat func()) error {
	_, reason, err := checkFiles(ctx, set, f.service, inspection{whole: true, before: before}, beat)
	if err != nil {
		return keepError(err)
	}
	if reason != "" {
		return fmt.Errorf("%w: %s", ErrUnsound, reason)
	}
	return keepError(removeMark(set.Dir))
}

// A set that has not been read to its end has a mark beside it in the store, from
// before it gets its name: if the agent is killed meanwhile, the next one does not
// take it for whole.
const unread = ".unread-"

func markOf(dir string) string {
	return filepath.Join(filepath.Dir(dir), unread+filepath.Base(dir))
}

func isMarked(dir string) bool {
	_, err := os.Lstat(markOf(dir))
	return !errors.Is(err, fs.ErrNotExist)
}

func mark(dir string) error { return os.WriteFile(markOf(dir), nil, 0o600) }

func removeMark(dir string) error {
	if err := os.Remove(markOf(dir)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// wasRead says whether a set is in the store that was read to its end.
func wasRead(dir string) bool {
	_, err := os.Lstat(dir)
	return err == nil && !isMarked(dir)
}

// dropUnsound removes a set that has proven not to be whole.
func dropUnsound(dir string) error {
	if !isMarked(dir) {
		return nil
	}
	return errors.Join(os.RemoveAll(dir), removeMark(dir))
}

// same says whether a set has a file of these bytes.
func (s Set) same(f File) bool {
	return slices.ContainsFunc(s.Files, func(o File) bool { return o.SHA256 == f.SHA256 })
}
