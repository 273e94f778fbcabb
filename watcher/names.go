package watcher

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

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
