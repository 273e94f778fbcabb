package config

import (
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func (c *Config) validateService(r *report, s *Service) {
	key := serviceKey(s.Name)
	if reason := badName(s.Name); reason != "" {
		r.add(key, "%s", reason)
		return
	}
	if !r.places.given(join(key, "base")) && s.Base == "" {
		r.add(join(key, "base"), "missing, and there are several; add one of base = %s", quoted(c.baseNames(), "or"))
	} else if c.Base(s.Base) == nil {
		r.add(join(key, "base"), "no base is called %q%s", s.Base,
			meant(s.Base, c.baseNames(), "; add [base.NAME], with nothing in it if the container exists already"))
	}
	if s.Source == "" {
		r.add(join(key, "source"), "is empty; give a folder below watch.dir, or leave it out for %q", "volume-"+s.Name)
	} else if !r.known("watch.dir") && !within(s.Source, c.Watch.Dir) {
		r.add(join(key, "source"), "%q lies outside of watch.dir %q, where nobody looks for changes; choose a folder below it", s.Source, c.Watch.Dir)
	}
	for i, pattern := range s.Files {
		if reason := badFilePattern(pattern); reason != "" {
			r.add(element(join(key, "files"), i), "%q %s", pattern, reason)
		}
	}
	if reason := badTarget(s.Target); reason != "" {
		r.add(join(key, "target"), "%q %s", s.Target, reason)
	}
	validateCommand(r, join(key, "exec"), s.Exec, "leave it out for java -jar and the one JAR")
	validateCommand(r, join(key, "on_rewire"), s.OnRewire, "leave it out")
	validateHook(r, join(key, "before_deploy"), s.BeforeDeploy)
	validateHook(r, join(key, "after_deploy"), s.AfterDeploy)
	between(r, join(key, "hook_timeout"), s.HookTimeout, 100*time.Millisecond, 10*time.Minute)
	validatePort(r, join(key, "port"), s.Port, "the port that the service listens on")
	c.validateNeeds(r, s)
	for i, pattern := range s.Logs {
		if reason := badLogPattern(pattern); reason != "" {
			r.add(element(join(key, "logs"), i), "%q %s", pattern, reason)
		}
	}
	if reason := badHealthPath(s.Health.Path); reason != "" {
		r.add(join(healthKey(s.Name), "path"), "%q %s", s.Health.Path, reason)
	}
	between(r, join(healthKey(s.Name), "timeout"), s.Health.Timeout, 100*time.Millisecond, time.Hour)
	between(r, join(key, "drain"), s.Drain, 0, time.Hour)
}

// validateCommand refuses a command that is given and empty.
func validateCommand(r *report, key, command, otherwise string) {
	if r.places.given(key) && strings.TrimSpace(command) == "" {
		r.add(key, "is empty; give a command, or %s", otherwise)
	}
}

func (c *Config) validateNeeds(r *report, s *Service) {
	for i, need := range s.Needs {
		key := element(join(serviceKey(s.Name), "needs"), i)
		switch {
		case need == s.Name:
			r.add(key, "%s needs itself; take it out", s.Name)
		case slices.Index(s.Needs, need) < i:
			r.add(key, "%q is in the list twice; take one out", need)
		case c.Service(need) == nil:
			r.add(key, "no service is called %q%s", need,
				meant(need, c.serviceNames(), "; add [service.NAME] or take it out"))
		}
	}
}

func (c *Config) validateCycles(r *report) {
	_, cycles := c.walk()
	for _, cycle := range cycles {
		r.add(element(join(serviceKey(cycle.closes()), "needs"), cycle.need),
			"none can be started first: %s; take one of these needs out", cycle)
	}
}

// badFilePattern says what is wrong with a pattern of artefacts, or "".
func badFilePattern(pattern string) string {
	switch {
	case pattern == "":
		return "matches nothing; leave files out for every file"
	case badPattern(pattern):
		return "is not a pattern; close its brackets"
	case path.IsAbs(pattern), !filepath.IsLocal(pattern):
		return "leads out of the service's folder; patterns are relative to source"
	default:
		return ""
	}
}

// badLogPattern says what is wrong with a pattern of log files, or "".
func badLogPattern(pattern string) string {
	switch {
	case !path.IsAbs(pattern):
		return "is not absolute; begin it with a slash, as the container sees it"
	case badPattern(pattern):
		return "is not a pattern; close its brackets"
	case path.Clean(pattern) != pattern:
		return "is not in its shortest form; write " + path.Clean(pattern)
	default:
		return ""
	}
}

func badPattern(pattern string) bool {
	_, err := path.Match(pattern, "")
	return err != nil
}

// badHealthPath says what is wrong with the path of a health request, or "".
func badHealthPath(p string) string {
	if p == "" {
		return ""
	}
	if !strings.HasPrefix(p, "/") {
		return `does not begin with a slash; write it like "/health"`
	}
	if _, err := url.ParseRequestURI(p); err != nil || strings.ContainsAny(p, " #") {
		return `is not the path of a request; write it like "/health"`
	}
	return ""
}

// reserved are folders inside a container that belong to its system: a target is
// replaced whole, and some of these are mounted over at boot.
var reserved = []string{
	"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run",
	"/sbin", "/sys", "/tmp", "/usr", "/var/lib/dpkg", "/var/lock", "/var/log", "/var/run", "/var/tmp",
}

// badTarget says what is wrong with a service's folder in the container, or "".
func badTarget(target string) string {
	switch {
	case target == "":
		return "is empty; leave target out for the folder that is called like the service"
	case !path.IsAbs(target):
		return "is not absolute; begin it with a slash, as the container sees it"
	case target == "/", target == "/var", target == "/var/lib", target == "/root", target == "/home":
		return `would replace a folder of the system; choose one of its own, like "/frontend"`
	}
	for _, folder := range reserved {
		if within(target, folder) {
			return "lies in " + folder + `, which belongs to the system; choose one like "/frontend"`
		}
	}
	return ""
}
