package watcher

import (
	"errors"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	// maxPaths is how many files of a service are checked quickly.
	maxPaths = 4
	// maxNoise is how many scans in a row may find the folder changed, but no
	// artefact, before the folder is not checked any more: something else than a
	// build writes there.
	maxNoise = 10
)

// knownPath is a name to check, and what is known of it.
type knownPath struct {
	name  string      // absolute
	known fingerprint // zero: not there
}

// changed asks the other side of the share. A link on the way is followed, for
// what is found there can only cause a scan, which follows none. What cannot
// be looked at counts as a change, for a scan will say what it is.
func (p knownPath) changed() bool {
	st, err := stat(unix.AT_FDCWD, p.name, true)
	if errors.Is(err, unix.ENOENT) {
		return p.known != fingerprint{}
	}
	return err != nil || st.fingerprint != p.known
}

// recent keeps in mind which files of a service changed recently.
type recent struct {
	names []string // the newest first
	noise int      // scans in a row that found nothing but the folder changed
}

// note takes in what two scans in a row saw, and says whether artefacts
// changed in between.
func (r *recent) note(before, now snapshot) bool {
	if now.equal(before) {
		if now.folder == before.folder {
			r.noise = 0
		} else {
			r.noise++
		}
		return false
	}
	r.noise = 0
	changed := now.differing(before)
	slices.SortStableFunc(changed, jarsFirst)
	var names []string
	for _, e := range changed[:min(maxPaths, len(changed))] {
		names = append(names, e.name)
	}
	for _, name := range r.names {
		if len(names) < maxPaths && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	r.names = names
	return true
}

// paths lists what to check in a service's folder that was seen so: the folder,
// because tools rename into place, and the files of pick.
func (r *recent) paths(dir, runs string, seen snapshot) []knownPath {
	var all []knownPath
	if r.noise < maxNoise {
		all = append(all, knownPath{dir, seen.folder})
	}
	for _, name := range r.pick(runs, seen) {
		e, _ := seen.find(name)
		all = append(all, knownPath{filepath.Join(dir, filepath.FromSlash(name)), e.fingerprint})
	}
	return all
}

// pick names the files that changed recently and the one that is the likeliest
// to change, or all where they are as few.
func (r *recent) pick(runs string, seen snapshot) []string {
	names := slices.Clone(r.names)
	add := func(name string) {
		if name != "" && len(names) < maxPaths && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add(seen.likeliest(runs))
	if len(seen.entries) <= maxPaths/2 {
		for _, e := range seen.entries {
			add(e.name)
		}
	}
	return names
}
