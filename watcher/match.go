package watcher

import (
	"fmt"
	"path"
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

// isJAR says whether a file of this name has to be a JAR.
func isJAR(name string) bool { return strings.EqualFold(path.Ext(name), ".jar") }

// mainJAR finds the JAR that the command runs, "" if it runs none, or says why
// there is none.
func mainJAR(runs string, entries []entry) (name, why string) {
	if runs == "" {
		return "", ""
	}
	var jars, shown []string
	for _, e := range entries {
		if e.name == runs {
			return runs, ""
		}
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

// badName says what is wrong with the last component of a name, "" if nothing
// is. A name goes into commands, log lines and other file systems: what could
// be taken for an option there, break a line or disguise itself is refused.
func badName(base string) string {
	switch {
	case !utf8.ValidString(base):
		return "its name is not valid UTF-8"
	case strings.HasPrefix(base, "-"):
		return "its name begins with a dash"
	case strings.ContainsFunc(base, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "its name has unprintable characters"
	}
	return ""
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
