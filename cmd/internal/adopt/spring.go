package adopt

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// springLayers gives the files that Spring Boot reads with the profiles that are
// active ("Externalized Configuration" in its reference): those of a profile, the
// last one first, go before those of none, wherever they are.
func (s *service) springLayers() []layer {
	usual := s.layersOf("application")
	s.layers = usual // which say which profiles are active
	named, _ := s.get("spring.profiles.active", "spring.profiles.default")
	active := strings.FieldsFunc(named, func(r rune) bool { return r == ',' || r == ' ' })
	slices.Reverse(active)
	var list, parts []layer
	for _, profile := range active {
		list = append(list, s.layersOf("application-"+profile)...)
	}
	for _, l := range usual {
		of := l.profiles()
		parts = append(parts, layer{l.text, func(part int) bool { return of[part] != "" && holdsFor(of[part], active) }})
		l.reads = func(part int) bool { return of[part] == "" }
		list = append(list, parts[len(parts)-1], l)
	}
	s.sayProfiles(active)
	return list
}

// profiles gives for each part of a file the profile for which it holds.
func (l layer) profiles() map[int]string {
	of := map[int]string{}
	for _, set := range l.settings {
		if set.key == "spring.config.activate.on-profile" || set.key == "spring.profiles" {
			of[set.part] = set.value
		}
	}
	return of
}

// holdsFor says whether one of several profiles is active; "!" is not.
func holdsFor(profiles string, active []string) bool {
	for profile := range strings.SplitSeq(profiles, ",") {
		profile, not := strings.CutPrefix(strings.TrimSpace(profile), "!")
		if slices.Contains(active, profile) != not {
			return true
		}
	}
	return false
}

// sayProfiles says which profiles there are where none is active.
func (s *service) sayProfiles(active []string) {
	var there []string
	for _, t := range slices.Concat(s.folder.texts, s.runs.settings) {
		stem := strings.TrimSuffix(path.Base(t.name), path.Ext(t.name))
		if profile, ok := strings.CutPrefix(stem, "application-"); ok && !slices.Contains(there, profile) {
			there = append(there, profile)
		}
	}
	slices.Sort(there)
	if len(active) == 0 && len(there) > 0 {
		s.comments = append(s.comments, fmt.Sprintf("No profile is active; there are %s: env = { SPRING_PROFILES_ACTIVE = %q }", strings.Join(there, ", "), there[0]))
	}
}

// fromSpring reads what Spring Boot listens on, how it is asked for its health, and
// where it logs.
func fromSpring(s *service) {
	if !s.uses("Spring") {
		return
	}
	port, note := s.get("server.port")
	s.learnPort(port, note)
	if kind, note := s.get("spring.main.web-application-type"); kind == "none" || port == "-1" {
		s.worker.learn("none", note)
	}
	if file, note := s.get("logging.file.name", "logging.file"); file != "" {
		s.addLog(file, note)
	} else if folder, note := s.get("logging.file.path", "logging.path"); folder != "" {
		s.addLog(path.Join(folder, "spring.log"), note)
	}
	if s.worker.value == "" && s.runs.framework.speaks == "http" {
		s.health = s.springHealth()
	}
}

func (s *service) springHealth() health {
	https := func(prefix string) string {
		for _, key := range []string{"key-store", "bundle", "certificate"} {
			value, _ := s.get(prefix + key)
			if off, _ := s.get(prefix + "enabled"); value != "" && off != "false" {
				return "https"
			}
		}
		return "http"
	}
	context, _ := s.get("server.servlet.context-path", "server.context-path", "spring.webflux.base-path")
	h := health{path: path.Join("/", context), scheme: https("server.ssl."), status: answers, note: "any answer but an error of the server's"}
	managed, _ := s.get("management.server.port", "management.port")
	if !s.runs.with("health") || managed == "-1" {
		return h
	}
	h.status, h.note = nil, "Spring Boot's actuator"
	if s.runs.with("security") {
		h.status = []string{"2xx", "401", "403"} // it is up, whoever may see more
	}
	below, _ := s.get("management.endpoints.web.base-path", "management.context-path")
	if below == "" && !strings.HasPrefix(s.runs.boot, "1.") {
		below = "/actuator"
	}
	if own, _ := s.get("server.port"); managed != "" && managed != own {
		h.port, h.scheme = parsePort(managed), https("management.server.ssl.")
		context, _ = s.get("management.server.base-path", "management.server.servlet.context-path")
	}
	h.path = path.Join("/", context, below, "health")
	return h
}
