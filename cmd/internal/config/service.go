package config

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"
)

// Service is one service with everything resolved.
type Service struct {
	Name string

	Base          string
	Source        string   // absolute, in Watch.Dir
	Files         []string // patterns of path.Match; none: every file
	Target        string   // folder inside the container
	Exec          string   // shell command line; "": java -jar and the one JAR
	Port          int
	Needs         []string
	Logs          []string // patterns of files inside the container
	Health        Health
	Drain         Duration
	ReloadCommand string  // shell command line; "": none
	Debug         int     // port of the VM, and of its JVM; 0: none
	BeforeDeploy  Command // run on the VM
	AfterDeploy   Command // run on the VM
	HookTimeout   Duration
}

func (s *Service) keys() []key {
	return []key{
		{name: "base", to: &s.Base, like: `"service-base"`, usual: "service-base or, where only one base is written, that one", change: redeploys,
			doc: "the base that its containers are cloned from"},
		{name: "source", to: &s.Source, like: `"volume-frontend"`, usual: "volume-SERVICE", change: live,
			doc: "the folder with its artefacts, below watch.dir"},
		{name: "files", to: &s.Files, like: `["*.jar"]`, usual: "every file", change: live, wrong: badFilePattern,
			doc: "patterns of the files that are taken from source"},
		{name: "target", to: &s.Target, like: `"/frontend"`, usual: "/SERVICE", change: redeploys,
			doc: "where they go inside the container. The folder is replaced whole, and exec starts in it"},
		{name: "exec", to: &s.Exec, like: `"java -jar /frontend/FrontendApplication.jar"`, usual: "java -jar and the one JAR",
			change: redeploys, wrong: empty("give a command, or leave it out for java -jar and the one JAR"),
			doc: "a shell command line, the service. The flags of the sample system trade the last of the speed for the " +
				"start: shared class data, the quick compiler only, the collector that needs no threads"},
		{name: "port", to: &s.Port, like: "8080", required: true, limits: "1 to 65535", is: "a port", change: redeploys,
			doc: "the port that the service listens on"},
		{name: "needs", to: &s.Needs, like: `["person"]`, usual: "none", change: live,
			doc: "the services that it calls. They are started before it and are in its hosts file"},
		{name: "logs", to: &s.Logs, like: `["/log/*.log"]`, usual: "none", change: live, wrong: badLogPattern,
			doc: `files inside the container to follow beside standard output, as in ["/log/*.log"]`},
		{name: "health", to: s.Health.keys(), like: `{ path = "/", timeout = "60s" }`, change: live,
			doc: "what proves a new generation: an answer to a request for path, within timeout"},
		{name: "drain", to: &s.Drain, preset: `"10s"`, limits: "0s to 1h", change: live,
			doc: "how long the old generation may finish what it was doing"},
		{name: "reload_command", to: &s.ReloadCommand, like: `"nginx -s reload"`, usual: "none", change: live, was: "on_rewire",
			wrong: empty("give a command, or leave it out"),
			doc: "a shell command line, run inside when a service in needs has moved. nginx looks names up at its start and " +
				"at a reload, and never else"},
		{name: "debug", to: &s.Debug, like: "5005", usual: "none", limits: "1 to 65535", is: "a port", change: redeploys,
			doc: "the service's JVM listens for a debugger, on this port of the container, and of this machine, where it is " +
				"forwarded to the live generation. It is open to whom the published ports are. jarloop pause while you debug"},
		{name: "before_deploy", to: &s.BeforeDeploy, like: `"./migrate"`, usual: "none", change: live,
			doc: "run on this machine as root, like notify.command, before files go into a new generation. If it fails, nothing " +
				"is deployed. Its output is among the lines of the service"},
		{name: "after_deploy", to: &s.AfterDeploy, like: `"./smoke"`, usual: "none", change: live,
			doc: "the same when the generation is live. If it fails, that is reported"},
		{name: "hook_timeout", to: &s.HookTimeout, preset: `"10s"`, limits: "100ms to 10m", change: live,
			doc: "how long either of the two may take"},
	}
}

// Health says what proves a generation healthy.
type Health struct {
	Path    string // "": the port accepts a connection
	Timeout Duration
}

func (h *Health) keys() []key {
	return []key{
		{name: "path", to: &h.Path, like: `"/"`, usual: "none: the port accepts a connection", change: live, wrong: badHealthPath,
			doc: "what is requested of the port, to be answered below 400"},
		{name: "timeout", to: &h.Timeout, preset: `"60s"`, limits: "100ms to 1h", change: live,
			doc: "how long a new generation may take until then"},
	}
}

// complete puts in place what the service's name and the rest of the file give, and
// paths in their shortest form.
func (s *Service) complete(n *node, dir, base string) {
	preset := func(value *string, name, usual string) {
		if at := n.at(name); !at.given || at.known() {
			*value = usual
		}
	}
	preset(&s.Base, "base", base)
	preset(&s.Source, "source", "volume-"+s.Name)
	preset(&s.Target, "target", "/"+s.Name)
	if s.Source != "" && !filepath.IsAbs(s.Source) {
		s.Source = filepath.Join(dir, s.Source)
	} else if s.Source != "" {
		s.Source = filepath.Clean(s.Source)
	}
	if s.Target != "" {
		s.Target = path.Clean(s.Target)
	}
}

func badFilePattern(pattern string) string {
	switch {
	case pattern == "":
		return `"" matches nothing; leave files out for every file`
	case badPattern(pattern):
		return fmt.Sprintf("%q is not a pattern; close its brackets", pattern)
	case path.IsAbs(pattern), !filepath.IsLocal(pattern):
		return fmt.Sprintf("%q leads out of the service's folder; patterns are relative to source", pattern)
	default:
		return ""
	}
}

func badLogPattern(pattern string) string {
	switch {
	case !path.IsAbs(pattern):
		return fmt.Sprintf("%q is not absolute; begin it with a slash, as the container sees it", pattern)
	case badPattern(pattern):
		return fmt.Sprintf("%q is not a pattern; close its brackets", pattern)
	case path.Clean(pattern) != pattern:
		return fmt.Sprintf("%q is not in its shortest form; write %s", pattern, path.Clean(pattern))
	default:
		return ""
	}
}

func badPattern(pattern string) bool {
	_, err := path.Match(pattern, "")
	return err != nil
}

func badHealthPath(p string) string {
	if p == "" {
		return ""
	}
	if !strings.HasPrefix(p, "/") {
		return fmt.Sprintf(`%q does not begin with a slash; write it like "/health"`, p)
	}
	if _, err := url.ParseRequestURI(p); err != nil || strings.ContainsAny(p, " #") {
		return fmt.Sprintf(`%q is not the path of a request; write it like "/health"`, p)
	}
	return ""
}
