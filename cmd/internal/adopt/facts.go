package adopt

import (
	"fmt"
	"slices"
	"strings"
)

func (s *service) addLog(file, note string) {
	if !slices.ContainsFunc(s.logs, func(l told[string]) bool { return l.value == file }) {
		s.logs = append(s.logs, told[string]{file, note})
	}
}

// Services gives the names of the services that were found.
func (l *Layout) Services() []string {
	var names []string
	for _, s := range l.services {
		names = append(names, s.name)
	}
	return names
}

func (l *Layout) note(format string, args ...any) {
	l.Notes = append(l.Notes, fmt.Sprintf(format, args...))
}

// variable gives the value of a variable of its environment, "" if it has none.
func (s *service) variable(name string) string {
	for _, v := range s.env {
		if v.name == name {
			return v.value
		}
	}
	return ""
}

func (l *Layout) service(name string) *service {
	i := slices.IndexFunc(l.services, func(s *service) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return l.services[i]
}

// names gives those of all services, with the servers.
func (l *Layout) names() []string {
	names := l.Services()
	for _, w := range l.with {
		names = append(names, w.service)
	}
	return names
}

func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/")
}

// below gives a folder of the share relative to one around it.
func below(folder, around string) string {
	if around == "." {
		return folder
	}
	return strings.TrimPrefix(folder, around+"/")
}

// uses says whether what runs is built with a framework, or one whose name begins so.
func (s *service) uses(name string) bool {
	return s.runs.framework != nil && strings.HasPrefix(s.runs.framework.name, name)
}
