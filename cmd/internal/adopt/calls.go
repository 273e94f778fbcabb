package adopt

import (
	"fmt"
	"regexp"
	"slices"
)

// host is a place that names a service.
type host struct {
	line, port int // port is 0 where none is named
}

// hosts finds where a text names one of the services as the host to call: in
// an address, before a port, or as the value of a key that ends in "host".
func hosts(t text, services []string) map[string]host {
	found := map[string]host{}
	for _, service := range services {
		name := regexp.QuoteMeta(service)
		called := regexp.MustCompile(`(?:(?:://|@)` + name + `|(?:^|[\s"'=,\[])` + name + `:[0-9]{1,5}|(?i:host)["']?\s*[:=]\s*["']?` + name + `)(?:$|[^A-Za-z0-9_.-])`)
		port := regexp.MustCompile(`(?:^|[^A-Za-z0-9_.-])` + name + `:([0-9]{1,5})\b`)
		for i, l := range t.lines {
			l = uncomment(l)
			if !called.MatchString(l) {
				continue
			}
			h := host{line: i + 1}
			if m := port.FindStringSubmatch(l); m != nil {
				h.port = parsePort(m[1])
			}
			if old, ok := found[service]; !ok || old.port == 0 && h.port != 0 {
				found[service] = h
			}
		}
	}
	return found
}

// connect finds whom each service calls, and by that ports that nothing else
// names.
func (l *Layout) connect() {
	names := l.names()
	for _, s := range l.services {
		texts := slices.Clone(s.folder.texts)
		texts = append(texts, s.runs.settings...)
		said := text{name: "its command", lines: []string{s.exec.value}}
		for _, v := range s.env {
			said.lines = append(said.lines, v.value)
		}
		texts = append(texts, said)
		for _, t := range texts {
			for name, h := range hosts(t, names) {
				if name == s.name {
					continue
				}
				if !slices.Contains(s.needs, name) {
					s.needs = append(s.needs, name)
				}
				if called := l.service(name); called != nil && h.port != 0 {
					called.called.learn(h.port, fmt.Sprintf("%sby how %s:%d calls it", guessed, t.name, h.line))
				}
			}
		}
		for _, name := range s.calls {
			if name != s.name && slices.Contains(names, name) && !slices.Contains(s.needs, name) {
				s.needs = append(s.needs, name)
			}
		}
		slices.Sort(s.needs)
	}
	for _, s := range l.services {
		s.port.learn(s.called.value, s.called.note)
	}
	for _, s := range l.services {
		l.redirectLocal(s)
		slices.Sort(s.needs)
	}
	l.breakCycles()
}

// breakCycles makes needs that would let none start first names that are only known.
func (l *Layout) breakCycles() {
	state := map[string]int{} // 1: on the way, 2: done
	var visit func(s *service)
	visit = func(s *service) {
		state[s.name] = 1
		s.needs = slices.DeleteFunc(s.needs, func(need string) bool {
			if state[need] == 1 {
				s.knows = append(s.knows, need)
				return true
			}
			if next := l.service(need); next != nil && state[need] == 0 {
				visit(next)
			}
			return false
		})
		state[s.name] = 2
	}
	for _, s := range l.services {
		if state[s.name] == 0 {
			visit(s)
		}
	}
}
