package watcher

import (
	"io/fs"
	"slices"
	"strings"
	"time"
)

// EventKind says what an Event reports.
type EventKind int

// The kinds of Event. For each service, Changed is followed by one of Ready,
// Refused, Same and Missing before the next Changed. The other way round does not hold:
// new bytes in files of the same names and sizes are reported without a Changed.
const (
	// Changed: files of the service are new or of another size (Changes says
	// which). They are now awaited to be still.
	Changed EventKind = iota + 1
	// Ready: Set is complete as far as its outline shows, and not the one that was
	// last reported. While it is read to its end it has a Reading.
	Ready
	// Refused: the files are still but cannot be deployed. Reason is one line
	// that names the file and the remedy. The same bytes are refused once.
	Refused
	// Same: what was reported as Changed turned out to be the bytes that were last
	// reported as Ready or Refused (Reason is then that of the refusal); or these
	// bytes are there again, after a Missing, or a Refused because there was
	// nothing to be seen.
	Same
	// Missing: what was reported as Changed went away again, or there are files
	// but not what the command runs. Reason is one line that says what to do; it is
	// empty where the service is watched otherwise now, or no more.
	Missing
	// Degraded: changes may be noticed late or not at all; Reason says why.
	// Service is empty if it concerns the whole watcher.
	Degraded
	// Restored: the reason of the last Degraded of this Service is over.
	Restored
	// Unsound: Set, which was last reported as Ready, has proven not to be whole;
	// its Reading has ended with the reason. What follows a Changed follows it.
	Unsound
)

var kinds = [...]string{
	Changed: "changed", Ready: "ready", Refused: "refused", Same: "same", Missing: "missing", Degraded: "degraded", Restored: "restored",
	Unsound: "unsound",
}

// String gives the kind in lower case.
func (k EventKind) String() string {
	if k < Changed || k > Unsound {
		return "unknown"
	}
	return kinds[k]
}

// Event is what the watcher reports.
type Event struct {
	Kind    EventKind
	Service string   // empty: the whole watcher
	Set     Set      // of Ready and Unsound
	Changes []Change // of Changed, with the sizes so far, and of Ready: since the last one; sorted by name
	Reason  string   // of Refused, Same, Missing and Degraded: one line, safe to print; of Ready: what is worth knowing once
}

// Change is a file that is new or of another size.
type Change struct {
	Name string // relative to the service's folder, slash-separated
	Size int64  // bytes
}

// Set is an artefact set: the files of one service, complete and unchanging.
// It is shared between those who hold it and not to be modified.
type Set struct {
	Service string
	ID      string    // 64 hexadecimal digits, see identify
	Dir     string    // local folder with the files, and only them
	Files   []File    // sorted by Name
	Seen    time.Time // when the newest change of its files was first seen; zero for a loaded set
	Reading *Reading  // of one that is being read to its end; nil: it has been
}

// since lists the files that another set has not or has otherwise.
func (s Set) since(before Set) []Change {
	var all []Change
	for _, f := range s.Files {
		i, ok := slices.BinarySearchFunc(before.Files, f.Name, func(old File, name string) int { return strings.Compare(old.Name, name) })
		if !ok || before.Files[i] != f {
			all = append(all, Change{f.Name, f.Size})
		}
	}
	return all
}

func (s Set) names() []string {
	all := make([]string, len(s.Files))
	for i, f := range s.Files {
		all[i] = f.Name
	}
	return all
}

// File is one file of a set.
type File struct {
	Name   string      // relative to Set.Dir, slash-separated
	Size   int64       // bytes
	Mode   fs.FileMode // 0644 or 0755
	SHA256 string      // 64 hexadecimal digits
}
