package config

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// The distributions that bases can be built from; others go by a template.
var distributions = []string{"debian", "ubuntu"}

var (
	suiteForm    = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	templateForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	// Debian Policy 5.6.1, less the rule of two characters.
	packageForm = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`)
)

func (b *Base) validate(r *report) {
	key := baseKey(b.Name)
	if reason := badName(b.Name); reason != "" {
		r.add(key, "%s", reason)
		return
	}
	given := func(name string) bool { return r.places.given(join(key, name)) }
	if given("distribution") && given("template") {
		r.add(join(key, "template"), "a base has a distribution or a template; leave one out")
	}
	if reason := badDistribution(b.Distribution); given("distribution") && reason != "" {
		r.add(join(key, "distribution"), "%q %s", b.Distribution, reason)
	}
	if given("template") && !templateForm.MatchString(b.Template) && !path.IsAbs(b.Template) {
		r.add(join(key, "template"), "%q is not a template; give its name, as in \"ubuntu\", or its absolute path", b.Template)
	}
	if given("args") && !given("template") {
		r.add(join(key, "args"), "are for a template; add one or leave them out")
	}
	if given("mirror") && !given("distribution") {
		r.add(join(key, "mirror"), "is for a distribution; add one or leave it out")
	} else if reason := badMirror(b.Mirror); given("mirror") && reason != "" {
		r.add(join(key, "mirror"), "%q %s", b.Mirror, reason)
	}
	for _, name := range []string{"packages", "run"} {
		if given(name) && !given("distribution") && !given("template") {
			r.add(join(key, name), "a base without distribution and template exists already and is left as it is; add one of them or leave %s out", name)
		}
	}
	if given("privileged") && !given("distribution") && !given("template") {
		r.add(join(key, "privileged"), "a base without distribution and template exists already, and its own configuration says who root is; add one of them or leave privileged out")
	}
	b.validateLists(r, key)
}

func (b *Base) validateLists(r *report, key string) {
	for i, name := range b.Packages {
		if !packageForm.MatchString(name) {
			r.add(element(join(key, "packages"), i), "%q is not the name of a package: lower-case letters, digits and + . - only", name)
		}
	}
	for i, line := range b.Run {
		if strings.TrimSpace(line) == "" {
			r.add(element(join(key, "run"), i), "is empty; give a command or take it out")
		}
	}
}

// badDistribution says what is wrong with NAME:SUITE, or "".
func badDistribution(distribution string) string {
	name, suite, ok := strings.Cut(distribution, ":")
	switch {
	case !ok || !suiteForm.MatchString(suite):
		return `is not a distribution and its suite; write it like "debian:bookworm" or "ubuntu:noble"`
	case !slices.Contains(distributions, name):
		return "is not known; " + quoted(distributions, "and") + " are, others go by a template" +
			meant(name, distributions, "")
	default:
		return ""
	}
}
