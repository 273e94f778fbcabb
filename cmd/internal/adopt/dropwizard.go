package adopt

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// fromDropwizard reads a configuration of Dropwizard, whatever its name: the command
// names it. A program whose framework is not known is taken for one of Dropwizard if
// its config.yml looks so.
func fromDropwizard(s *service) {
	if s.nginx || s.runs.framework != nil && !s.uses("Dropwizard") {
		return
	}
	texts := slices.Clone(s.folder.texts)
	slices.SortStableFunc(texts, func(a, b text) int { // the one that its command names first
		return cmp.Compare(strings.Index(s.exec.value, path.Base(b.name)), strings.Index(s.exec.value, path.Base(a.name)))
	})
	for _, t := range texts {
		sure := s.uses("Dropwizard")
		if !slices.Contains([]string{".yml", ".yaml", ".json"}, path.Ext(t.name)) || path.Dir(t.name) != path.Clean(s.folder.name) ||
			!sure && path.Base(t.name) != "config.yml" {
			continue
		}
		if !t.isDropwizard() {
			continue
		}
		note := "with its settings, in the way of Dropwizard"
		if !sure {
			note = guessed + note
		}
		if sure {
			s.layers = []layer{{text: t}}
		}
		s.arguments.learn("server "+s.target.value+"/"+path.Base(t.name), note)
		s.dropwizard(t, sure)
		return
	}
	if s.uses("Dropwizard") {
		s.arguments.learn("server", "the way of Dropwizard; it has no settings here")
	}
}

// isDropwizard says whether a file looks like settings of Dropwizard.
func (t text) isDropwizard() bool {
	return slices.ContainsFunc(t.settings, func(s setting) bool {
		top, _, _ := strings.Cut(s.key, ".")
		return slices.Contains([]string{"server", "logging", "http"}, top)
	})
}

// dropwizard takes over ports, the check of health, and log files.
func (s *service) dropwizard(t text, sure bool) {
	get := func(usual string, keys ...string) (value, note string) {
		for _, key := range keys {
			if set, ok := t.find(key); ok {
				return resolve(set.value, s.variable), fmt.Sprintf("as in %s:%d", t.name, set.line)
			}
		}
		return usual, "Dropwizard's own, since " + t.name + " does not say"
	}
	for _, set := range t.settings {
		if strings.HasSuffix(set.key, ".currentLogFilename") {
			if file := resolve(set.value, s.variable); path.IsAbs(file) {
				s.addLog(path.Clean(file), fmt.Sprintf("as in %s:%d", t.name, set.line))
			}
		}
	}
	if !sure {
		return
	}
	if kind, _ := get("default", "server.type"); kind == "simple" {
		port, note := get("8080", "server.connector.port")
		s.learnPort(port, note)
		admin, _ := get("/admin", "server.adminContextPath")
		s.health = health{path: path.Join("/", admin, "healthcheck"), note: "Dropwizard's own checks"}
	} else {
		port, note := get("8080", "server.applicationConnectors.port", "http.port")
		s.learnPort(port, note)
		port, _ = get("8081", "server.adminConnectors.port", "http.adminPort")
		admin, _ := get("/", "server.adminContextPath")
		s.health = health{path: path.Join("/", admin, "healthcheck"), port: parsePort(port), note: "Dropwizard's own checks"}
	}
	if s.health.port != 0 {
		s.health.scheme, _ = get("http", "server.adminConnectors.type")
	} else {
		s.health.scheme, _ = get("http", "server.connector.type")
	}
}
