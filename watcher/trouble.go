package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

var errUnmounted = errors.New("is empty and on another filesystem than its files were: mount it again")

// trouble is why nothing can be seen of a folder, or kept of it.
type trouble struct {
	reason   string
	since    time.Time // zero: there is none
	reported bool
	copying  bool // the trouble is with copying, which a look that succeeds does not end
}

// note takes in that there is trouble, and says whether it is to be reported:
// once, when there has been some for so long.
func (t *trouble) note(reason string, now time.Time, tolerance time.Duration) (report bool) {
	if t.since.IsZero() {
		t.since = now
	}
	if reason != t.reason {
		t.reason, t.reported = reason, false
	}
	if t.reported || now.Sub(t.since) < tolerance {
		return false
	}
	t.reported = true
	return true
}

// explain puts into words why nothing can be seen of dir, or kept in store.
func explain(err error, dir, store string) string {
	var errno unix.Errno
	if errors.Is(err, errKeep) && errors.As(err, &errno) { // without the name, which differs each time
		return fmt.Sprintf("%v in %s: %v; the last set stays", errKeep, show(store), errno)
	}
	dir = show(dir)
	switch {
	case errors.Is(err, errUnmounted):
		return dir + " " + err.Error()
	case errors.Is(err, fs.ErrNotExist):
		return dir + " is not there; make it, or mount the share"
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return dir + " is not a folder, or is reached through a link; put a folder there"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, err.Error())
}
