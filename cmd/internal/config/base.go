package config

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Base is what one kind of container is made of. Distribution and Template are
// never both set; with neither, the container exists already.
type Base struct {
	Name string
	// BuiltIn says that the file has no word of it.
	BuiltIn bool

	// debian:SUITE or ubuntu:SUITE. With neither this nor a template the container
	// exists already and is only cloned.
	Distribution string
	// What is installed beside a minimal system with systemd.
	Packages []string
	// Where packages come from. Default: where this machine gets its own.
	Mirror string
	// Whether root inside is root of this machine. If not, it wants a range of IDs for
	// root in /etc/subuid and /etc/subgid, and Linux 5.11; jarloop init writes false
	// where these are there.
	Privileged bool
	// Shell commands, run inside after the packages.
	Run []string
	// A template of lxc-create: its name, or its absolute path.
	Template string
	// What follows -- at lxc-create.
	Args []string
}

// Exists says whether the base is a container that somebody else made.
func (b Base) Exists() bool { return b.Distribution == "" && b.Template == "" }

func (b *Base) keys() []key {
	return []key{
		{name: "distribution", to: &b.Distribution, like: `"debian:bookworm"`, wrong: badDistribution, change: redeploys},
		{name: "packages", to: &b.Packages, like: `["nginx-light"]`, wrong: badPackage, change: redeploys},
		{name: "mirror", to: &b.Mirror, like: `"http://mirror.example/debian"`, wrong: badMirror, change: redeploys},
		{name: "privileged", to: &b.Privileged, preset: "true", change: redeploys},
		{name: "run", to: &b.Run, like: `["rm -f /etc/motd"]`, wrong: empty("give a command or take it out"), lines: true, change: redeploys},
		{name: "template", to: &b.Template, like: `"ubuntu"`, wrong: badTemplate, change: redeploys},
		{name: "args", to: &b.Args, like: `["--release", "noble"]`, change: redeploys},
	}
}

// check holds the keys of a base against each other.
func (b *Base) check(r *report, n *node) {
	given := func(name string) bool { return n.at(name).given }
	if reason := WrongName(b.Name); reason != "" {
		r.add(n, "%s", reason)
		return
	}
	if given("distribution") && given("template") {
		r.add(n.at("template"), "a base has a distribution or a template; leave one out")
	}
	if given("args") && !given("template") {
		r.add(n.at("args"), "are for a template; add one or leave them out")
	}
	if given("mirror") && !given("distribution") {
		r.add(n.at("mirror"), "is for a distribution; add one or leave it out")
	}
	if given("distribution") || given("template") {
		return
	}
	for _, name := range []string{"packages", "run"} {
		if given(name) {
			r.add(n.at(name), "a base without distribution and template exists already and is left as it is; add one of them or leave %s out", name)
		}
	}
	if given("privileged") {
		r.add(n.at("privileged"), "a base without distribution and template exists already, and its own configuration says who root is; add one of them or leave privileged out")
	}
}

// The distributions that bases can be built from; others go by a template.
var distributions = []string{"debian", "ubuntu"}

var (
	suiteForm    = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	templateForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	// Debian Policy 5.6.1, less the rule of two characters.
	packageForm = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`)
)

func badDistribution(distribution string) string {
	name, suite, ok := strings.Cut(distribution, ":")
	switch {
	case !ok || !suiteForm.MatchString(suite):
		return fmt.Sprintf(`%q is not a distribution and its suite; write it like "debian:bookworm" or "ubuntu:noble"`, distribution)
	case !slices.Contains(distributions, name):
		return fmt.Sprintf("%q is not known; %s are, others go by a template%s", distribution, quoted(distributions, "and"), Meant(name, distributions, ""))
	default:
		return ""
	}
}

func badMirror(mirror string) string {
	u, err := url.Parse(mirror)
	if err != nil || !slices.Contains([]string{"http", "https", "file", "copy"}, u.Scheme) || u.Host+u.Path == "" {
		return fmt.Sprintf(`%q is not the address of a package mirror; write it like "http://mirror.example/debian"`, mirror)
	}
	if strings.Contains(mirror, " ") {
		return fmt.Sprintf("%q contains a space; give one address", mirror)
	}
	return ""
}

func badTemplate(template string) string {
	if templateForm.MatchString(template) || path.IsAbs(template) {
		return ""
	}
	return fmt.Sprintf(`%q is not a template; give its name, as in "ubuntu", or its absolute path`, template)
}

func badPackage(name string) string {
	if packageForm.MatchString(name) {
		return ""
	}
	return fmt.Sprintf("%q is not the name of a package: lower-case letters, digits and + . - only", name)
}
