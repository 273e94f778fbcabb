package watcher

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// maxHot is how many files of a service are glanced at.
	maxHot = 4
	// maxNoise is how many scans in a row may find the folder changed, but no
	// artefact, before the folder is not glanced at any more: something else
	// than a build writes there.
	maxNoise = 10
)

// spot is a name to glance at, and what is known of it.
type spot struct {
	name  string      // absolute
	known fingerprint // zero: not there
}

// changed asks the other side of the share. A link on the way is followed, for
// what is found there can only cause a scan, which follows none. What cannot
// be told is a change, for a scan will tell.
func (s spot) changed() bool {
	st, err := stat(unix.AT_FDCWD, s.name, true)
	if errors.Is(err, unix.ENOENT) {
		return s.known != fingerprint{}
	}
	return err != nil || st.fingerprint != s.known
}

// hot keeps in mind which files of a service change.
type hot struct {
	names []string // changed last, the newest first
	noise int      // scans in a row that found nothing but the folder changed
}

// note takes in what two scans in a row saw, and says whether artefacts
// changed in between.
func (h *hot) note(before, now snapshot) bool {
	if now.equal(before) {
		if now.folder == before.folder {
			h.noise = 0
		} else {
			h.noise++
		}
		return false
	}
	h.noise = 0
	fresh := differing(before.entries, now.entries)
	slices.SortStableFunc(fresh, func(a, b entry) int { return cmp.Compare(rank(a), rank(b)) })
	var names []string
	for _, e := range fresh[:min(maxHot, len(fresh))] {
		names = append(names, e.name)
	}
	for _, name := range h.names {
		if len(names) < maxHot && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	h.names = names
	return true
}

// rank puts JARs first.
func rank(e entry) int {
	if isJAR(e.name) {
		return 0
	}
	return 1
}

// differing gives the entries of now that before has not or has otherwise.
// Both are sorted by name.
func differing(before, now []entry) []entry {
	var all []entry
	for _, e := range now {
		for len(before) > 0 && before[0].name < e.name {
			before = before[1:]
		}
		if len(before) == 0 || before[0] != e {
			all = append(all, e)
		}
	}
	return all
}

// spots lists what to glance at in a service's folder that was seen so: the
// folder, because tools rename into place, and the hot files.
func (h *hot) spots(dir, runs string, seen snapshot) []spot {
	var all []spot
	if h.noise < maxNoise {
		all = append(all, spot{dir, seen.folder})
	}
	for _, name := range h.pick(runs, seen.entries) {
		s := spot{name: filepath.Join(dir, filepath.FromSlash(name))}
		if i, ok := slices.BinarySearchFunc(seen.entries, name, byName); ok {
			s.known = seen.entries[i].fingerprint
		}
		all = append(all, s)
	}
	return all
}

// pick names the hot files: those that changed last and the one that is the
// likeliest to change, or all where they are as few.
func (h *hot) pick(runs string, entries []entry) []string {
	names := slices.Clone(h.names)
	add := func(name string) {
		if name != "" && len(names) < maxHot && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add(likeliest(runs, entries))
	if len(entries) <= maxHot/2 {
		for _, e := range entries {
			add(e.name)
		}
	}
	return names
}

func byName(e entry, name string) int { return strings.Compare(e.name, name) }

// likeliest is the JAR that the command runs, even if it is not there, else the
// newest JAR, else the newest file, "" if there is none.
func likeliest(runs string, entries []entry) string {
	if runs != "" && runs != "*" {
		return runs
	}
	if len(entries) == 0 {
		return ""
	}
	return slices.MinFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.mtime.sec, a.mtime.sec), cmp.Compare(b.mtime.nsec, a.mtime.nsec))
	}).name
}
