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
// pattern is one of path.Match, so a "*" never matches a slash.
type matcher struct {
	// files: "*.jar" means the JARs at the top, "lib/*.jar" those in lib. Without
	// any every name matches.
	files []string
	// ignore: "*.log" means such files and folders anywhere, "tmp/*.log" those in
	// tmp at the top.
	ignore []string
	// tools: what isUnfinished and isLeft know is ignored, too.
	tools bool
	// beside: what builds make beside the archive to run is no artefact at the
	// top.
	beside bool
}

// newMatcher checks the patterns.
func newMatcher(files, ignore []string) (matcher, error) {
	for _, p := range slices.Concat(files, ignore) {
		if why := WrongPattern(p); why != "" {
			return matcher{}, fmt.Errorf("pattern %q %s", p, why)
		}
	}
	return matcher{files: files, ignore: ignore, tools: true}, nil
}

// WrongPattern says what is wrong with a pattern of files below a service's
// folder, and how to mend it; "" if nothing is. The words follow the pattern.
func WrongPattern(p string) string {
	_, err := path.Match(p, "")
	clean := path.Clean(p)
	switch {
	case p == "":
		return "matches nothing; take it out"
	case err != nil:
		return "is not a pattern; close its brackets"
	case strings.HasPrefix(p, "!"):
		return `begins with "!", which takes nothing back here; name what you mean`
	case path.IsAbs(p), clean == "..", strings.HasPrefix(clean, "../"):
		return "leads out of the service's folder; patterns are relative to source"
	case clean == ".":
		return `is the folder itself; patterns name what is in it, as "*.jar" does`
	case clean != p:
		return fmt.Sprintf("is not in its shortest form; write %q", clean)
	case strings.Contains(p, "\\"):
		return `contains a backslash; write "/" between folders, and "[*]" for a star`
	case slices.Contains(strings.Split(p, "/"), "**"):
		return `contains "**", which stands for one folder alone; name each folder, as in "lib/*.jar"`
	}
	return ""
}

// file says whether a file of this name is an artefact.
func (m matcher) file(name string) bool {
	return len(m.files) == 0 || slices.ContainsFunc(m.files, func(p string) bool { return matches(p, name) })
}

// folder says whether artefacts can be below the folder of this name, so that
// a scan reads no others.
func (m matcher) folder(name string) bool {
	depth := strings.Count(name, "/") + 1
	return len(m.files) == 0 || slices.ContainsFunc(m.files, func(p string) bool {
		parts := strings.Split(p, "/")
		return len(parts) > depth && matches(strings.Join(parts[:depth], "/"), name)
	})
}

// ignores says whether what has this name is no artefact, nor anything below
// it, and whether that is since somebody is writing it. base is its last
// component.
func (m matcher) ignores(name, base string) (ignored, unfinished bool) {
	if slices.ContainsFunc(m.ignore, func(p string) bool {
		return matches(p, name) || !strings.Contains(p, "/") && matches(p, base)
	}) {
		return true, false
	}
	unfinished = m.tools && isUnfinished(base)
	if !unfinished && (!m.tools || !isLeft(base)) {
		return false, false
	}
	if slices.ContainsFunc(m.files, func(p string) bool { return isBelow(p, name) }) {
		return false, false
	}
	return true, unfinished
}

// passes says whether a file is passed over because it is beside what is run.
func (m matcher) passes(name string) bool {
	return m.beside && IsCompanion(name) && !strings.Contains(name, "/") && !slices.Contains(m.files, name)
}

func hasWildcard(pattern string) bool { return strings.ContainsAny(pattern, `*?[`) }

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// IsCompanion says whether a JAR of this name is what builds make beside the one
// to run: of the classes alone, for readers, for tests, or as it was before the
// libraries were put in.
func IsCompanion(base string) bool {
	stem := strings.TrimSuffix(base, path.Ext(base))
	return isAny(base, ".jar", ".war") && (strings.HasPrefix(base, "original-") ||
		slices.ContainsFunc([]string{"-plain", "-sources", "-javadoc", "-tests", "-test-sources", "-test-fixtures"},
			func(end string) bool { return strings.HasSuffix(stem, end) }))
}

// IsArchive says whether a file of this name has to be one: a JAR or the like.
func IsArchive(name string) bool { return isAny(name, ".jar", ".war", ".ear", ".zip") }

func isAny(name string, exts ...string) bool {
	return slices.Contains(exts, strings.ToLower(path.Ext(name)))
}

// isJAR says whether a file of this name has to be a JAR.
func isJAR(name string) bool { return isAny(name, ".jar") }

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
