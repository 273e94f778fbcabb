package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

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
