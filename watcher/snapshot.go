package watcher

import (
	"cmp"
	"slices"
	"strings"
)

// entry is one artefact as a scan saw it.
type entry struct {
	name string // relative to the service's folder, slash-separated
	fingerprint
}

// snapshot is what one scan saw of a service's folder.
type snapshot struct {
	entries []entry     // sorted by name
	problem string      // the first reason why these files cannot be taken; "" if none
	folder  fingerprint // of the folder itself, before it was read
	others  []string    // names that no pattern of the service's files matches
	// unfinished are files that are written under another name than their own.
	unfinished []entry
	passed     []string // JARs beside the one that is run, to be shown
}

// equal says whether two scans saw the same files in the same state. The
// folder may differ: others than artefacts can come and go there.
func (s snapshot) equal(t snapshot) bool {
	return s.problem == t.problem && slices.Equal(s.entries, t.entries)
}

// find gives the entry of this name.
func (s snapshot) find(name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(s.entries, name, func(e entry, n string) int { return strings.Compare(e.name, n) })
	if !ok {
		return entry{}, false
	}
	return s.entries[i], true
}

// coarse says whether the files' times come in whole seconds.
func (s snapshot) coarse() bool {
	return len(s.entries) > 0 && !slices.ContainsFunc(s.entries, func(e entry) bool {
		return e.mtime.nsec != 0 || e.ctime.nsec != 0
	})
}

// differing gives the entries of s that before has not or has otherwise.
func (s snapshot) differing(before snapshot) []entry {
	var all []entry
	for _, e := range s.entries {
		if old, ok := before.find(e.name); !ok || old != e {
			all = append(all, e)
		}
	}
	return all
}

// names gives those of the artefacts.
func (s snapshot) names() []string {
	all := make([]string, len(s.entries))
	for i, e := range s.entries {
		all[i] = e.name
	}
	return all
}

// likeliest is the file that is the likeliest to change next: the JAR that the
// command runs, even if it is not there, else the newest JAR, else the newest
// file, "" if there is none.
func (s snapshot) likeliest(runs string) string {
	if runs != "" && !hasWildcard(runs) {
		return runs
	}
	if len(s.entries) == 0 {
		return ""
	}
	return slices.MinFunc(s.entries, func(a, b entry) int {
		return cmp.Or(jarsFirst(a, b), cmp.Compare(b.mtime.sec, a.mtime.sec), cmp.Compare(b.mtime.nsec, a.mtime.nsec))
	}).name
}

// jarsFirst is the order of JARs before other files.
func jarsFirst(a, b entry) int {
	switch {
	case IsArchive(a.name) == IsArchive(b.name):
		return 0
	case IsArchive(a.name):
		return -1
	}
	return 1
}
