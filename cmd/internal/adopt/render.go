package adopt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// TOML gives the configuration.
func (l *Layout) TOML() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by jarloop init from what it found in %s.", plain(l.Dir))
	line("# Lines with GUESS are to be looked at. Everything that is not here has a default;")
	line("# docs/configuration.md, which comes with jarloop, names it all.")
	line("")
	line("[watch]")
	line("dir = %s", quote(l.Dir))
	l.bases(line)
	for _, s := range l.services {
		s.render(line)
	}
	l.publish(line)
	return b.String()
}

type printer func(format string, args ...any)

// bases writes what the services are cloned from.
func (l *Layout) bases(line printer) {
	var run []string
	java, nginx, version := false, false, serviceJRE
	for _, s := range l.services {
		if s.nginx {
			nginx = true
			continue
		}
		java, version = true, max(version, s.version)
		run = append(run, s.prepare()...)
	}
	if java {
		line("\n[base.service-base]")
		if version <= serviceJRE {
			line("distribution = %s", quote("debian:bookworm"))
			line("packages     = [%s]", quote("openjdk-17-jre-headless"))
		} else {
			line("distribution = %s   # %sa JAR is built for Java %d, and this release has 21", quote("ubuntu:noble"), guessed, version-44)
			line("packages     = [%s]", quote("openjdk-21-jre-headless"))
		}
		lists(line, "run         ", run)
		l.privileged(line)
	}
	if !nginx {
		return
	}
	line("\n[base.web-base]")
	line("distribution = %s", quote("debian:bookworm"))
	line("packages     = [%s]", quote("nginx-light"))
	run = []string{"systemctl mask nginx.service"} // the service starts it
	for _, s := range l.services {
		if s.nginx {
			run = append(append(run, s.run...), s.prepare()...)
		}
	}
	lists(line, "run         ", run)
	l.privileged(line)
}

func (l *Layout) privileged(line printer) {
	if l.Unprivileged {
		line("privileged   = false   # root inside is nobody outside")
	}
}

// prepare gives the commands that make in a base what a service expects there.
func (s service) prepare() []string {
	var run []string
	for _, user := range s.users {
		run = append(run, fmt.Sprintf("id -u %[1]s >/dev/null 2>&1 || useradd --system --user-group %[1]s", user))
	}
	for _, folder := range s.makes {
		run = append(run, "mkdir -p "+folder)
	}
	return run
}

// lists writes a list, without what is there twice.
func lists(line printer, key string, values []string) {
	var quoted []string
	for _, v := range values {
		if q := quote(v); !slices.Contains(quoted, q) {
			quoted = append(quoted, q)
		}
	}
	if len(quoted) > 0 {
		line("%s = [%s]", key, strings.Join(quoted, ", "))
	}
}

func (s service) render(line printer) {
	line("")
	if s.about != "" {
		line("# %s", plain(s.about))
	}
	for _, note := range append(slices.Clone(s.notes), s.note) {
		if note != "" {
			line("# %s", plain(note))
		}
	}
	line("[service.%s]", s.name)
	key := func(name, value, note string) {
		if note != "" {
			value += "   # " + plain(note)
		}
		line("%-6s = %s", name, value)
	}
	if s.nginx {
		key("base", quote("web-base"), "")
	}
	if s.source != prefix+s.name {
		key("source", quote(s.source), "")
	}
	if s.target != "/"+s.name {
		key("target", quote(s.target), s.targetNote)
	}
	if s.exec != "" {
		key("exec", quote(s.exec), s.execNote)
	}
	key("port", strconv.Itoa(s.port), s.portNote)
	lists(line, "needs ", s.needs)
	lists(line, "logs  ", s.logs)
	if s.reload != "" && len(s.needs) > 0 {
		line("reload_command = %s", quote(s.reload))
	}
}

// publish publishes nginx on a port of the VM, else the only service that no other
// calls; where there are several, the reader chooses.
func (l *Layout) publish(line printer) {
	var first []string
	for _, s := range l.services {
		if s.nginx {
			first = []string{s.name}
			break
		}
		called := slices.ContainsFunc(l.services, func(other service) bool { return slices.Contains(other.needs, s.name) })
		if !called {
			first = append(first, s.name)
		}
	}
	comment := ""
	if len(first) != 1 {
		comment = "#"
		line("\n# Which service is asked from outside is not to be seen: choose one of")
		line("# %s, and take the # away.", strings.Join(first, ", "))
	} else {
		line("")
	}
	line("%s[[publish]]", comment)
	line("%sinterface = %s   # %sthe one of the default route; \"ip route\" names it", comment, quote(l.Interface), guessed)
	line("%sport      = 80", comment)
	line("%sservice   = %s", comment, quote(first[0]))
}
