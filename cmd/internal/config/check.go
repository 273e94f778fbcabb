package config

import (
	"fmt"
	"net/netip"
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

// badName says what is wrong with the name of a service or base, or "". Both become
// host names: a label of RFC 1123, section 2.1.
func badName(name string) string {
	switch {
	case len(name) > maxName:
		return fmt.Sprintf("the name has %d characters; shorten it to %d", len(name), maxName)
	case !labelForm.MatchString(name):
		return "the name cannot be a host name; use lower-case letters, digits and dashes inside it"
	case numberForm.MatchString(name):
		return "the name would be read as an address; begin it with a letter"
	case slices.Contains(hostNames, name):
		return "the name means something else in every hosts file; choose another"
	}
	if m := generation.FindStringSubmatch(name); m != nil {
		return fmt.Sprintf("the name looks like a generation of %q; end it without a dash and a number", m[1])
	}
	return ""
}

// badInterface says what is wrong with the name of a network interface, or "": the
// kernel's own rule (dev_valid_name), less what iptables gives a meaning.
func badInterface(name string) string {
	switch {
	case name == "":
		return "is not the name of an interface"
	case len(name) > 15:
		return "is longer than the 15 characters that an interface's name can have"
	case name == ".", name == "..", strings.ContainsAny(name, "/: \t\n+!\"'"), !printable(name):
		return "is not the name of an interface"
	default:
		return ""
	}
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// unicast says whether one host can have the address.
func unicast(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a.As4()[0] != 0 && a.As4()[0] < 224
}

// within says whether a clean absolute path is the folder or lies in it.
func within(path, folder string) bool {
	return path == folder || folder == "/" || strings.HasPrefix(path, folder+"/")
}
