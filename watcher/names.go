package watcher

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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
	return len(m) == 0 || slices.ContainsFunc(m, func(p string) bool { return matches(p, name) })
}

// folder says whether artefacts can be below the folder of this name, so that
// a scan reads no others.
func (m matcher) folder(name string) bool {
	depth := strings.Count(name, "/") + 1
	return len(m) == 0 || slices.ContainsFunc(m, func(p string) bool {
		parts := strings.Split(p, "/")
		return len(parts) > depth && matches(strings.Join(parts[:depth], "/"), name)
	})
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// isJAR says whether a file of this name has to be a JAR.
func isJAR(name string) bool { return strings.EqualFold(path.Ext(name), ".jar") }

// badName says what is wrong with the last component of a name, "" if nothing
// is. A name goes into commands, log lines and other file systems: what could
// be taken for an option there, break a line or disguise itself is refused.
func badName(base string) string {
	switch {
	case !utf8.ValidString(base):
		return "its name is not valid UTF-8"
	case strings.HasPrefix(base, "-"):
		return "its name begins with a dash"
	case !printable(base):
		return "its name has unprintable characters"
	}
	return ""
}

// checkName makes sure that a service's name can name a folder.
func checkName(service string) error {
	if service == "" || strings.ContainsAny(service, "/\\") || strings.HasPrefix(service, ".") || badName(service) != "" {
		return fmt.Errorf("%q cannot be a service's name", service)
	}
	return nil
}

// show gives a name for a message: as it is if it is harmless, else quoted.
func show(name string) string {
	if strings.ContainsAny(name, " \"\\'`$;,:") || badName(path.Base(name)) != "" || !printable(name) {
		return strconv.Quote(name)
	}
	return name
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
