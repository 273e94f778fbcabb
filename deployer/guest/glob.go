package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a Glob: how many names are looked at, and how many may match.
// Beyond them the rest does not exist.
const (
	maxEntries = 10000
	maxMatches = 256
)

// Glob gives the names of the regular files that match a pattern (path.Match),
// sorted. Folders that are missing have no files. A name that could not be
// shown to a person (control characters, broken UTF-8) is left out, and so is
// all that is beyond a bound on size: what the container has made does not
// decide how long this takes. The only error is path.ErrBadPattern.
func (r *Root) Glob(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("look for %q in %s: %w", pattern, r.name, err)
	}
	if valid(pattern) != nil {
		return nil, nil
	}
	found, budget := []string{"/"}, maxEntries
	for part := range strings.SplitSeq(pattern, "/") {
		if part == "" || part == "." {
			continue
		}
		var next []string
		for _, dir := range found {
			if len(next) >= maxMatches {
				break
			}
			next = append(next, r.match(dir, part, &budget)...)
		}
		found = next[:min(len(next), maxMatches)]
	}
	found = slices.DeleteFunc(found, func(name string) bool {
		f, err := r.open(name)
		if err != nil {
			return true
		}
		f.Close()
		return false
	})
	slices.Sort(found)
	return found, nil
}

// match gives the names in a folder that match one part of a pattern, and
// takes those that it looked at from the budget.
func (r *Root) match(dir, part string, budget *int) []string {
	if !strings.ContainsAny(part, `*?[\`) {
		return []string{path.Join(dir, part)}
	}
	folder, err := r.folder(dir, false)
	if err != nil {
		return nil
	}
	defer folder.Close()
	f, err := openFolder(place{folder, "."})
	if err != nil {
		return nil
	}
	defer f.Close()
	var matches []string
	enough := errors.New("enough")
	// An error ends the list as its end does: the folder may be going away.
	_ = entries(f, func(name string) error {
		if *budget--; *budget < 0 || len(matches) >= maxMatches {
			return enough
		}
		if ok, _ := path.Match(part, name); ok && showable(name) && !temporary(name) {
			// A leading dot must be asked for, as in a shell.
			if strings.HasPrefix(part, ".") || !strings.HasPrefix(name, ".") {
				matches = append(matches, path.Join(dir, name))
			}
		}
		return nil
	})
	return matches
}

func showable(name string) bool {
	return fs.ValidPath(name) && utf8.ValidString(name) &&
		strings.IndexFunc(name, func(c rune) bool { return !unicode.IsGraphic(c) }) < 0
}
