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

// javas are the releases of Debian that have a Java, by its version; each runs what
// is built for an older one.
var javas = []struct {
	java         int
	distribution string
}{{17, "debian:bookworm"}, {21, "debian:trixie"}, {25, "debian:trixie"}}

// bases gives what the services are cloned from, and names to each its own: one for
// Java, one for nginx.
func (l *Layout) bases() []*origin {
	newest := 0
	for _, s := range l.services {
		newest = max(newest, s.java)
	}
	choice := javas[len(javas)-1]
	for _, c := range slices.Backward(javas) {
		if c.java >= newest {
			choice = c
		}
	}
	java := &origin{name: "service-base", distribution: choice.distribution, packages: []string{fmt.Sprintf("openjdk-%d-jre-headless", choice.java)}}
	switch {
	case newest > choice.java:
		java.note = fmt.Sprintf("%sa JAR is built for Java %d, which no Debian here has: build it for %d, or have a command in run install one", guessed, newest, choice.java)
	case newest > javas[0].java:
		java.note = fmt.Sprintf("the first with what a JAR is built for, Java %d", newest)
	}
	web := &origin{name: "web-base", distribution: "debian:bookworm", run: []string{"systemctl mask nginx.service"}} // the service starts it
	var list []*origin
	for _, b := range []*origin{java, web} {
		for _, s := range l.services {
			if s.nginx != (b == web) {
				continue
			}
			s.base = b.name
			b.packages = append(b.packages, s.packages...)
			b.run = append(append(b.run, s.run...), s.prepare()...)
			if !slices.Contains(list, b) {
				list = append(list, b)
			}
		}
	}
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
