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
	l.cluster(line)
	for _, b := range l.bases() {
		b.render(line, l.Unprivileged)
	}
	for _, s := range l.services {
		s.render(line)
	}
	for i, w := range l.with {
		if !slices.ContainsFunc(l.with[:i], func(other withBacking) bool { return other.name == w.name }) {
			w.renderBase(line, l.Unprivileged)
		}
		w.render(line)
	}
	l.publish(line)
	return b.String()
}

// cluster says what makes containers, where that is not this machine.
func (l *Layout) cluster(line printer) {
	c := l.Cluster
	if c == nil {
		return
	}
	line("\n[engine]")
	for _, key := range []struct{ name, value string }{
		{"kind", c.Kind}, {"address", c.Address}, {"certificate", c.Certificate}, {"key", c.Key},
		{"server_certificate", c.ServerCertificate}, {"project", c.Project}, {"owner", c.Owner}, {"pool", c.Pool}, {"nameserver", c.Nameserver},
	} {
		if key.value != "" {
			line("%-18s = %s", key.name, quote(key.value))
		}
	}
	line("\n[lxc]\nbridge = %s\nrange  = %s", quote(c.Bridge), quote(c.Range.String()))
}

func (s *service) render(line printer) {
	line("")
	if s.about != "" {
		line("# %s", plain(s.about))
	}
	for _, note := range append(slices.Clone(s.notes), s.comments...) {
		line("# %s", plain(note))
	}
	line("[service.%s]", s.name)
	key := func(name, value, note string) {
		if note != "" {
			value += "   # " + plain(note)
		}
		line("%-6s = %s", name, value)
	}
	if s.base != "service-base" {
		key("base", quote(s.base), "")
	}
	if s.source != prefix+s.name {
		key("source", quote(s.source), "")
	}
	lists(line, "files ", s.files)
	if s.target.value != "/"+s.name {
		key("target", quote(s.target.value), s.target.note)
	}
	if s.exec.value != "" {
		key("exec", quote(s.exec.value), s.exec.note)
	}
	s.renderEnv(key)
	lists(line, "env_file", s.envFiles)
	if s.worker.value != "" {
		key("health", `{ up = "5s" }`, "it listens on nothing: "+s.worker.note)
	} else {
		if s.port.value != 0 {
			key("port", strconv.Itoa(s.port.value), s.port.note)
		}
		if h := s.health.table(); h != "" {
			key("health", h, s.health.note)
		}
	}
	lists(line, "needs ", s.needs)
	if len(s.knows) > 0 {
		line("knows  = %s   # not waited for, since it needs this one", list(s.knows))
	}
	renderTold(line, "data  ", s.data)
	renderTold(line, "logs  ", s.logs)
	if s.memory.value != "" {
		key("memory", quote(s.memory.value), s.memory.note)
	}
	if s.cpus.value != "" {
		key("cpus", s.cpus.value, s.cpus.note)
	}
	if s.reload != "" && len(s.needs)+len(s.knows) > 0 {
		line("reload_command = %s", quote(s.reload))
	}
}

func (s *service) renderEnv(key func(name, value, note string)) {
	var env, notes []string
	for _, v := range s.env {
		env = append(env, v.name+" = "+quote(v.value))
		if v.note != "" {
			notes = append(notes, v.note)
		}
	}
	if len(env) > 0 {
		key("env", "{ "+strings.Join(env, ", ")+" }", strings.Join(notes, "; "))
	}
}

// table gives what proves a generation; "" if its port has only to accept a
// connection.
func (h health) table() string {
	if h.path == "" {
		return ""
	}
	var keys []string
	if h.port != 0 {
		keys = append(keys, fmt.Sprintf("port = %d", h.port))
	}
	if h.scheme == "https" {
		keys = append(keys, "scheme = "+quote(h.scheme))
	}
	keys = append(keys, "path = "+quote(h.path))
	if len(h.status) > 0 {
		keys = append(keys, "status = "+list(h.status))
	}
	return "{ " + strings.Join(keys, ", ") + " }"
}

func renderTold(line printer, key string, all []told[string]) {
	var values []string
	for _, v := range all {
		values = append(values, v.value)
	}
	switch {
	case len(all) == 0:
	case len(all) == 1 && all[0].note != "":
		line("%s = %s   # %s", key, list(values), plain(all[0].note))
	default:
		lists(line, key, values)
	}
}

// publish publishes what jobs did, else nginx on a port of the VM, else the only
// service that no other calls; where there are several, the reader chooses.
func (l *Layout) publish(line printer) {
	taken := map[string]bool{}
	published := func(jobs []*job, service string, own int) {
		for _, j := range jobs {
			for _, p := range j.publish {
				if at := fmt.Sprintf("%d/%s", p.port, p.protocol); !taken[at] {
					taken[at] = true
					p.render(line, service, own)
					l.by(line, "")
				}
			}
		}
	}
	for _, s := range l.services {
		published(s.jobs, s.name, s.port.value)
	}
	for _, w := range l.with {
		if w.job != nil {
			published([]*job{w.job}, w.service, w.port)
		}
	}
	if len(taken) > 0 {
		return
	}
	var first []string
	for _, s := range l.services {
		if s.nginx {
			first = []string{s.name}
			break
		}
		called := slices.ContainsFunc(l.services, func(other *service) bool { return slices.Contains(other.needs, s.name) })
		if !called && s.worker.value == "" {
			first = append(first, s.name)
		}
	}
	switch len(first) {
	case 0:
		return
	case 1:
		line("\n[[publish]]\nport    = 80\nservice = %s", quote(first[0]))
		l.by(line, "")
	default:
		line("\n# Which service is asked from outside is not to be seen: choose one of")
		line("# %s, and take the # away.", strings.Join(first, ", "))
		line("#[[publish]]\n#port    = 80\n#service = %s", quote(first[0]))
		l.by(line, "#")
	}
}

// by writes the interface of a publish where there is no default route.
func (l *Layout) by(line printer, comment string) {
	if l.Interface != "" {
		line("%sinterface = %s   # %sthere is no default route; \"ip route\" names the interfaces", comment, quote(l.Interface), guessed)
	}
}

func (p published) render(line printer, service string, port int) {
	line("\n[[publish]]\nport    = %d\nservice = %s", p.port, quote(service))
	if p.to != port && port != 0 {
		line("to      = %d", p.to)
	}
	if p.protocol == "udp" {
		line("protocol = %s", quote(p.protocol))
	}
}
