package adopt

import "path"

// fromMicroProfile reads what Quarkus, Micronaut and Helidon listen on, and how they
// are asked for their health.
func fromMicroProfile(s *service) {
	switch {
	case s.uses("Quarkus"):
		s.quarkus()
	case s.uses("Micronaut"):
		s.micronaut()
	case s.uses("Helidon"):
		port, note := s.get("server.port")
		s.learnPort(port, note)
	default:
		return
	}
	if s.health.path == "" {
		s.health = health{path: "/", scheme: s.health.scheme, status: answers, note: "any answer but an error of the server's"}
	}
}

func (s *service) quarkus() {
	port, note := s.get("%prod.quarkus.http.port", "quarkus.http.port")
	s.learnPort(port, note)
	if s.enabled("quarkus.log.file.enable") || s.enabled("quarkus.log.file.enabled") {
		file, note := s.get("quarkus.log.file.path")
		if file == "" {
			file = "quarkus.log"
		}
		s.addLog(file, note)
	}
	if !s.runs.with("health") {
		return
	}
	root, _ := s.get("quarkus.http.root-path")
	below, _ := s.get("quarkus.http.non-application-root-path")
	if below == "" {
		below = "q"
	}
	if !path.IsAbs(below) {
		below = path.Join("/", root, below)
	}
	last, _ := s.get("quarkus.smallrye-health.root-path")
	if last == "" {
		last = "health"
	}
	if !path.IsAbs(last) {
		last = path.Join(below, last)
	}
	s.health = health{path: last, note: "Quarkus' SmallRye Health"}
	if s.enabled("quarkus.management.enabled") {
		port, _ := s.get("quarkus.management.port")
		if s.health.port = parsePort(port); s.health.port == 0 {
			s.health.port = 9000
		}
	}
}

func (s *service) micronaut() {
	if s.enabled("micronaut.server.ssl.enabled") || s.enabled("micronaut.ssl.enabled") {
		port, note := s.get("micronaut.server.ssl.port", "micronaut.ssl.port")
		s.learnPort(port, note)
		s.port.learn(8443, "Micronaut's own, since nothing says otherwise")
		s.health.scheme = "https"
	}
	port, note := s.get("micronaut.server.port")
	s.learnPort(port, note)
	if off, _ := s.get("endpoints.health.enabled"); !s.runs.with("health") || off == "false" {
		return
	}
	context, _ := s.get("micronaut.server.context-path")
	below, _ := s.get("endpoints.all.path")
	s.health.path, s.health.note = path.Join("/", context, below, "health"), "Micronaut's management"
	if s.runs.with("security") {
		s.health.status = []string{"2xx", "401", "403"}
	}
	if port, _ := s.get("endpoints.all.port"); port != "" {
		s.health.port, s.health.scheme = parsePort(port), "http"
	}
}
