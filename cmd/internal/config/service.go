package config

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/jarloop/jarloop/watcher"
)

// Service is one service with everything resolved.
type Service struct {
	Name string

	// The base that its containers are cloned from. Default: service-base or, where only
	// one base is written, that one.
	Base string
	// The folder with its artefacts, below watch.dir. Default: volume-SERVICE.
	Source string
	// Patterns of the files that are taken from source. Default: every file.
	Files []string
	// Patterns of what is not taken, beside what editors, desktops, downloads and rsync
	// leave: a name anywhere below source or, with a slash, a path.
	Ignore []string
	// Where they go inside the container. The folder is replaced whole, and exec starts
	// in it. Default: /SERVICE.
	Target string
	// The service: a shell command line. The flags of the sample system trade the last
	// of the speed for the start: shared class data, the quick compiler only, the
	// collector that needs no threads. Default: java -jar and the one JAR or WAR, or the
	// script in bin beside lib.
	Exec string
	// Whether java -jar is made faster: libraries are taken out of the JAR, shared by all
	// containers, and their classes come from an archive that is made when nothing else is
	// to be done. docs/fast-start.md says what is different. Default: fast_start of all services.
	FastStart bool
	// Whether it has artefacts. Without, its base holds what exec runs, as that of a
	// database does: it comes up by itself, and is deployed again when its configuration
	// or its base changes, or by jarloop deploy.
	Artefacts bool
	// How much memory its container may hold. What takes more is killed, which is said. A
	// JVM takes a quarter of what it may for its heap.
	Memory Size
	// How many processors its container may use; 1.5 is one and a half.
	CPUs CPUs
	// Added to the environment of what exec runs. The values are shown nowhere.
	Env Variables
	// Files of lines like NAME=value, for the same. They are relative to source, and no
	// artefacts. A new value deploys the service again; while a file is missing or wrong
	// it is held back.
	EnvFile Paths
	// The port that the service listens on. Default: it is found out at the first start. A
	// service without it whose health has command, log or up is a worker: it has none.
	Port int
	// The services that it calls. They are started before it and are in its hosts file.
	Needs []string
	// Others that it may call by name, and that it does not wait for; its own name among
	// them leads to itself.
	Knows []string
	// Files inside the container to follow beside standard output, as in ["/log/*.log"].
	Logs []string
	// What proves a new generation.
	Health Health
	// How long the old generation may finish what it was doing.
	Drain Duration
	// How long a service may take to end when it is asked to, before it is killed.
	StopTimeout Duration
	// A shell command line, run inside when a service in needs has moved: nginx looks
	// names up at its start and at a reload, and never else.
	ReloadCommand string
	// The service's JVM listens for a debugger, on this port of the container, and of
	// this machine, where it is forwarded to the live generation. It is open to whom the
	// published ports are. jarloop pause while you debug.
	Debug int
	// Run on this machine as root, like notify.command, before files go into a new
	// generation. If it fails, nothing is deployed. Its output is among the lines of the
	// service.
	BeforeDeploy Command
	// The same when the generation is live. If it fails, that is reported.
	AfterDeploy Command
	// How long either of the two may take.
	HookTimeout Duration
	// Folders inside the container that outlive it: each new container has them as the
	// one before left them. The first one finds what its base has there. jarloop data
	// lists, carries and removes them; docs/data.md says more.
	Data []string
	// How a new container takes the place of the old one: overlap has both run until the
	// new one is healthy, stop-first ends the old one before the new one starts, since
	// two processes on one database destroy it or refuse to start. Requests that come
	// meanwhile wait, and are answered by the new one; if it fails, by the old one, on its
	// data as they were. Default: stop-first with data, else overlap.
	Replace string

	// Environment is what env, env_file and those of all services give together; nil
	// where Unready says why that is not known.
	Environment map[string]string
	Unready     string
}

// The values of Service.Replace.
const (
	ReplaceOverlap   = "overlap"
	ReplaceStopFirst = "stop-first"
)

func (s *Service) keys() []key {
	return []key{
		{name: "base", to: &s.Base, like: `"service-base"`, change: redeploys},
		{name: "source", to: &s.Source, like: `"volume-frontend"`, change: live},
		{name: "files", to: &s.Files, like: `["*.jar"]`, wrong: badFilePattern, change: live},
		{name: "ignore", to: &s.Ignore, like: `["*.log"]`, wrong: badFilePattern, change: live},
		{name: "target", to: &s.Target, like: `"/frontend"`, change: redeploys},
		{name: "exec", to: &s.Exec, like: `"java -jar /frontend/FrontendApplication.jar"`, change: redeploys,
			wrong: empty("give a command, or leave it out for java -jar and the one JAR")},
		{name: "fast_start", to: &s.FastStart, like: "false", change: redeploys},
		{name: "artefacts", to: &s.Artefacts, preset: "true", change: redeploys},
		{name: "memory", to: &s.Memory, like: `"512M"`, limits: "32M to 1024G", change: redeploys},
		{name: "cpus", to: &s.CPUs, like: "1.5", limits: "0.01 to 1024", change: redeploys},
		{name: "env", to: &s.Env, like: `{ LOG_LEVEL = "debug" }`, change: redeploys},
		{name: "env_file", to: &s.EnvFile, like: `"person.env"`, wrong: badEnvFile, change: redeploys},
		{name: "port", to: &s.Port, like: "8080", limits: "1 to 65535", is: "a port", change: redeploys},
		{name: "needs", to: &s.Needs, like: `["person"]`, change: live},
		{name: "knows", to: &s.Knows, like: `["person"]`, change: live},
		{name: "logs", to: &s.Logs, like: `["/log/*.log"]`, wrong: badLogPattern, change: live},
		{name: "health", to: &s.Health, like: `{ path = "/", timeout = "60s" }`},
		{name: "drain", to: &s.Drain, preset: `"10s"`, limits: "0s to 1h", change: live},
		{name: "stop_timeout", to: &s.StopTimeout, preset: `"10s"`, limits: "0s to 10m", change: live},
		{name: "reload_command", to: &s.ReloadCommand, like: `"nginx -s reload"`, was: "on_rewire", wrong: empty("give a command, or leave it out"), change: live},
		{name: "debug", to: &s.Debug, like: "5005", limits: "1 to 65535", is: "a port", change: redeploys},
		{name: "before_deploy", to: &s.BeforeDeploy, like: `"./migrate"`, change: live},
		{name: "after_deploy", to: &s.AfterDeploy, like: `"./smoke"`, change: live},
		{name: "hook_timeout", to: &s.HookTimeout, preset: `"10s"`, limits: "100ms to 10m", change: live},
		{name: "data", to: &s.Data, like: `["/var/lib/app"]`, wrong: badData, change: redeploys},
		{name: "replace", to: &s.Replace, like: `"stop-first"`, values: []string{ReplaceOverlap, ReplaceStopFirst}, change: live},
	}
}

// Worker says that the service listens nowhere: it is proven otherwise.
func (s *Service) Worker() bool {
	return s.Port == 0 && (s.Health.Command != "" || s.Health.Log != "" || s.Health.Up.Duration > 0)
}

// complete puts in place what the service's name and the rest of the file give, and
// paths in their shortest form.
func (s *Service) complete(n *node, dir, base string, fast bool) {
	preset := func(value *string, name, usual string) {
		if at := n.at(name); !at.given || at.known() {
			*value = usual
		}
	}
	preset(&s.Base, "base", base)
	if s.Artefacts {
		preset(&s.Source, "source", "volume-"+s.Name)
		preset(&s.Target, "target", "/"+s.Name)
	}
	if s.Source != "" && !filepath.IsAbs(s.Source) {
		s.Source = filepath.Join(dir, s.Source)
	} else if s.Source != "" {
		s.Source = filepath.Clean(s.Source)
	}
	if s.Target != "" {
		s.Target = path.Clean(s.Target)
	}
	for i := range s.Data {
		s.Data[i] = path.Clean(s.Data[i])
	}
	if at := n.at("fast_start"); !at.given {
		s.FastStart = fast
	}
	if len(s.Data) > 0 {
		preset(&s.Replace, "replace", ReplaceStopFirst)
	} else {
		preset(&s.Replace, "replace", ReplaceOverlap)
	}
}

func badFilePattern(pattern string) string {
	if why := watcher.WrongPattern(pattern); why != "" {
		return fmt.Sprintf("%q %s", pattern, why)
	}
	return ""
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
