package watcher

import (
	"cmp"
	"fmt"
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

// mainJAR finds the JAR that the command runs, "" if it runs none, or says why
// there is none. For runs see Service.Runs.
func (s snapshot) mainJAR(runs string) (name, why string) {
	if runs == "" {
		return "", ""
	}
	if _, ok := s.find(runs); ok {
		return runs, ""
	}
	var jars, shown []string
	for _, e := range s.entries {
		if isJAR(e.name) && (runs != "*" || !strings.Contains(e.name, "/")) {
			jars = append(jars, e.name)
			shown = append(shown, show(e.name))
		}
	}
	switch list := strings.Join(shown[:min(5, len(shown))], ", "); {
	case runs != "*" && len(jars) == 0:
		return "", fmt.Sprintf("%s is not there, and it is what the command runs; build it", show(runs))
	case runs != "*":
		return "", fmt.Sprintf("%s is not there, and it is what the command runs; name the right one in exec (there is: %s)", show(runs), list)
	case len(jars) == 0:
		return "", "there is no JAR at the top of the folder; put it there, or say in exec what to run"
	case len(jars) > 1:
		return "", fmt.Sprintf("there are %d JARs (%s); remove what is old, or say in exec which one to run", len(jars), list)
	}
	return jars[0], ""
}

// likeliest is the file that is the likeliest to change next: the JAR that the
// command runs, even if it is not there, else the newest JAR, else the newest
// file, "" if there is none.
func (s snapshot) likeliest(runs string) string {
	if runs != "" && runs != "*" {
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
	case isJAR(a.name) == isJAR(b.name):
		return 0
	case isJAR(a.name):
		return -1
	}
	return 1
}
