package watcher

import (
	"fmt"
	"path"
	"strings"
)

// matcher says which names below a service's folder are its artefacts. A
// pattern is one of path.Match, so a "*" never matches a slash: "*.jar" means
// the JARs at the top, "lib/*.jar" those in lib. Without patterns every name
// matches.
type matcher []string

// newMatcher checks the patterns.
func newMatcher(patterns []string) (matcher, error) {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p, err)
		}
		if p == "" || path.IsAbs(p) || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../") {
			return nil, fmt.Errorf("pattern %q: must be relative to the service's folder and stay below it", p)
		}
	}
	return matcher(patterns), nil
}

// file says whether a file of this name is an artefact.
func (m matcher) file(name string) bool {
	for _, p := range m {
		if ok, err := path.Match(p, name); ok && err == nil {
			return true
		}
	}
	return len(m) == 0
}

// folder says whether artefacts can be below the folder of this name, so that
// a scan reads no others.
func (m matcher) folder(name string) bool {
	depth := strings.Count(name, "/") + 1
	for _, p := range m {
		parts := strings.Split(p, "/")
		if len(parts) <= depth {
			continue
		}
		if ok, err := path.Match(strings.Join(parts[:depth], "/"), name); ok && err == nil {
			return true
		}
	}
	return len(m) == 0
}
