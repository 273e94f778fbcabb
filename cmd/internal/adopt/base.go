package adopt

import (
	"fmt"
	"slices"
)

// origin is one base of the configuration, and what is known of it.
type origin struct {
	name, distribution, note string
	packages, run            []string
}

// The releases that have a Java, by its version: one release serves all that is
// older, down to where it stopped having what programs of that time need.
const (
	oldest = 8  // Ubuntu 24.04 has it
	usual  = 17 // Debian 12 has it, and nothing newer
)

// bases gives what the services are cloned from, and names to each its own: one for
// Java, one for what is too old for that, one for nginx.
func (l *Layout) bases() []*origin {
	newest := usual
	for _, s := range l.services {
		newest = max(newest, s.java)
	}
	java := &origin{name: "service-base", distribution: "debian:bookworm", packages: []string{"openjdk-17-jre-headless"}}
	if newest > usual {
		java.distribution, java.packages = "ubuntu:noble", []string{"openjdk-21-jre-headless"}
		java.note = fmt.Sprintf("%sa JAR is built for Java %d, and this release has 21", guessed, newest)
	}
	old := &origin{name: "java8-base", distribution: "ubuntu:noble", packages: []string{"openjdk-8-jre-headless"},
		note: guessed + "a JAR is built for Java 7 or older, which may not run on later ones than 8"}
	web := &origin{name: "web-base", distribution: "debian:bookworm", run: []string{"systemctl mask nginx.service"}} // the service starts it
	var list []*origin
	for _, s := range l.services {
		b := java
		switch {
		case s.nginx:
			b = web
		case s.java != 0 && s.java < oldest:
			b = old
		}
		s.base = b.name
		if !slices.Contains(list, b) {
			list = append(list, b)
		}
		b.packages = append(b.packages, s.packages...)
		b.run = append(append(b.run, s.run...), s.prepare()...)
	}
	slices.SortFunc(list, func(a, b *origin) int {
		return slices.Index([]*origin{java, old, web}, a) - slices.Index([]*origin{java, old, web}, b)
	})
	return list
}

// prepare gives the commands that make in a base what a service expects there.
func (s *service) prepare() []string {
	var run []string
	for _, user := range s.users {
		run = append(run, fmt.Sprintf("id -u %[1]s >/dev/null 2>&1 || useradd --system --user-group %[1]s", user))
	}
	for _, folder := range s.makes {
		run = append(run, "mkdir -p "+folder)
	}
	return run
}

func (b *origin) render(line printer, unprivileged bool) {
	line("\n[base.%s]", b.name)
	distribution := quote(b.distribution)
	if b.note != "" {
		distribution += "   # " + b.note
	}
	line("distribution = %s", distribution)
	lists(line, "packages    ", b.packages)
	lists(line, "run         ", b.run)
	if unprivileged {
		line("privileged   = false   # root inside is nobody outside")
	}
}
