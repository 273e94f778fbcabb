package adopt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var localhost = regexp.MustCompile(`\b(localhost|127\.0\.0\.1):([0-9]{1,5})\b`)

// redirectLocal finds where settings call another service by this machine's name, as
// they do where all of a system runs on a laptop: in a container that is the service
// itself. Where the environment goes before the settings it names the service instead.
func (l *Layout) redirectLocal(s *service) {
	s.each(func(t text, set setting) {
		m := localhost.FindStringSubmatch(set.value)
		if m == nil {
			return
		}
		other := l.listener(parsePort(m[2]), s)
		if other == nil {
			return
		}
		where := fmt.Sprintf("%s:%d", t.name, set.line)
		value := strings.ReplaceAll(set.value, m[0], other.name+":"+m[2])
		name := s.variableOf(set.key)
		if name == "" {
			s.notes = append(s.notes, fmt.Sprintf("%s: %s is the container itself; %s listens on that port: write %s", where, m[0], other.name, value))
			return
		}
		if s.variable(name) == "" && plain(value) == value {
			s.env = append(s.env, variable{name, value, fmt.Sprintf("%s%s says %s, which is the port of %s", guessed, where, m[0], other.name)})
		}
		if !slices.Contains(s.needs, other.name) {
			s.needs = append(s.needs, other.name)
		}
	})
}

// listener gives the only service but s itself that listens on a port.
func (l *Layout) listener(port int, s *service) *service {
	var found *service
	for _, other := range l.services {
		if port == 0 || other.port.value != port || other == s {
			continue
		}
		if found != nil {
			return nil
		}
		found = other
	}
	if s.port.value == port {
		return nil
	}
	return found
}

// variableOf gives the variable of the environment that goes before a key of the
// settings; "" where the framework knows none.
func (s *service) variableOf(key string) string {
	name := strings.ToUpper(key)
	switch {
	case s.uses("Spring"): // "Binding From Environment Variables" in its reference
		name = strings.NewReplacer("-", "", ".", "_").Replace(name)
	case s.uses("Quarkus"), s.uses("Helidon"), s.uses("Micronaut"): // MicroProfile Config, 2.1
		name = unnamed.ReplaceAllString(name, "_")
	default:
		return ""
	}
	if !variableForm.MatchString(name) {
		return ""
	}
	return name
}

var unnamed = regexp.MustCompile(`[^A-Z0-9_]`)
