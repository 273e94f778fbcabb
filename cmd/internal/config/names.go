package config

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxName leaves a generation's number its place: host names end at 63 characters,
// and Linux's own limit for the name of a machine is 64.
const maxName = 40

var (
	labelForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	// What the C library takes for an IPv4 address before it asks /etc/hosts, see
	// inet_aton(3).
	numberForm = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)
	generation = regexp.MustCompile(`^(.+)-[0-9]+$`)
	// Names that every container's hosts file has already.
	hostNames = []string{"localhost", "ip6-localhost", "ip6-loopback", "ip6-allnodes", "ip6-allrouters"}
)

// WrongName says what is wrong with the name of a service or base, and how to mend
// it; "" if nothing is. Both become host names: a label of RFC 1123, section 2.1.
func WrongName(name string) string {
	switch {
	case len(name) > maxName:
		return fmt.Sprintf("the name has %d characters; shorten it to %d", len(name), maxName)
	case !labelForm.MatchString(name):
		return "the name cannot be a host name; use lower-case letters, digits and dashes inside it"
	case numberForm.MatchString(name):
		return "the name would be read as an address; begin it with a letter"
	case name == "jarloop-produce":
		return "the name is that of containers in which archives of classes are made; choose another"
	case slices.Contains(hostNames, name):
		return "the name means something else in every hosts file; choose another"
	}
	if m := generation.FindStringSubmatch(name); m != nil {
		return fmt.Sprintf("the name looks like a generation of %q; end it without a dash and a number", m[1])
	}
	return ""
}

// reserved are folders inside a container that belong to its system: a target is
// replaced whole, and some of these are mounted over at boot.
var reserved = []string{
	"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run",
	"/sbin", "/sys", "/tmp", "/usr", "/var/lib/dpkg", "/var/lock", "/var/log", "/var/run", "/var/tmp",
}

// WrongTarget says what is wrong with a service's folder inside the container, and
// how to mend it; "" if nothing is.
func WrongTarget(target string) string {
	switch {
	case target == "":
		return "is empty; leave target out for the folder that is called like the service"
	case !path.IsAbs(target):
		return "is not absolute; begin it with a slash, as the container sees it"
	case target == "/", target == "/var", target == "/var/lib", target == "/root", target == "/home":
		return `would replace a folder of the system; choose one of its own, like "/frontend"`
	}
	for _, folder := range reserved {
		if within(target, folder) {
			return "lies in " + folder + `, which belongs to the system; choose one like "/frontend"`
		}
	}
	return ""
}

// within says whether a clean absolute path is the folder or lies in it.
func within(path, folder string) bool {
	return path == folder || folder == "/" || strings.HasPrefix(path, folder+"/")
}

// badFolder says what is wrong with a folder of the machine.
func badFolder(path string) string {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Sprintf("%q is not absolute; begin it with a slash, since the agent's working folder is not certain", path)
	case filepath.Clean(path) == "/":
		return "must not be /; give a folder of its own"
	default:
		return ""
	}
}

// device gives what refuses the name of a network interface by the kernel's own rule
// (dev_valid_name), and what iptables gives a meaning; kind is what to look them up as.
func device(kind string) func(string) string {
	return func(name string) string {
		reason := ""
		switch {
		case len(name) > 15:
			reason = "is longer than the 15 characters that an interface's name can have"
		case name == "", name == ".", name == "..", strings.ContainsAny(name, "/:+!\"'"),
			strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }):
			reason = "is not the name of an interface"
		default:
			return ""
		}
		return fmt.Sprintf(`%q %s; "ip link" lists the %s`, name, reason, kind)
	}
}

// empty gives what refuses an empty command.
func empty(remedy string) func(string) string {
	return func(command string) string {
		if strings.TrimSpace(command) == "" {
			return "is empty; " + remedy
		}
		return ""
	}
}

// maxData is how long the path of a data folder may be: on the host it is one name.
const maxData = 80

// badData says what is wrong with a folder that is to outlive containers.
func badData(folder string) string {
	clean := path.Clean(folder)
	switch {
	case !path.IsAbs(folder):
		return fmt.Sprintf("%q is not absolute; begin it with a slash, as the container sees it", folder)
	case len(clean) > maxData:
		return fmt.Sprintf("%q has %d characters; choose a path of at most %d", clean, len(clean), maxData)
	case slices.Contains([]string{"/", "/bin", "/boot", "/etc", "/home", "/lib", "/root", "/sbin", "/usr", "/var", "/var/lib", "/var/log"}, clean):
		return fmt.Sprintf(`%q is a folder of the system; choose the service's own, like "/var/lib/app"`, clean)
	}
	for _, folder := range []string{"/dev", "/etc/jarloop", "/proc", "/run", "/sys", "/tmp", "/var/lock", "/var/log/jarloop", "/var/run", "/var/tmp"} {
		if within(clean, folder) {
			return fmt.Sprintf(`%q lies in %s, which is made anew in each container; choose a folder like "/var/lib/app"`, clean, folder)
		}
	}
	return ""
}
