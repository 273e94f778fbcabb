package config

// Config is a whole configuration after defaults and checks. Bases, services and
// publishes keep the order of the file; Order has that in which services come up, and
// in which they are shown to people.
type Config struct {
	// The folder for what outlives a reboot: copies of artefacts, logs.
	State string
	// The folder for what does not: the lock and the socket.
	Run string
	// The folder that is shared with the development machine.
	Watch Watch
	// What makes the containers. Without this table it is LXC, on this machine.
	Engine Engine
	// The containers.
	LXC LXC
	// What the services print.
	Logs Logs
	// Who is notified of what happens. The event is sent as JSON, described in
	// docs/notifications.md; the agent does not wait for it, and a failure is one line of its
	// output.
	Notify Notify
	// The page that shows the system in a browser.
	Page Page
	// Settings for all services: they are added to the environment of what each
	// runs. A service's own env goes before.
	Env Variables
	// Files of such settings, relative to watch.dir. They are followed like this file.
	EnvFile Paths
	// Whether services that run java -jar are started faster, unless a service says
	// otherwise; docs/fast-start.md has the rest.
	FastStart bool
	// What containers are cloned from. A base that is missing is built at the start, one
	// whose recipe changes is built beside the old. A service-base that is used and not
	// written is built in: a Debian with a Java runtime.
	Bases []Base
	// A service. Its name is the host name by which the others reach it: lower-case
	// letters, digits and dashes, no dash and number at the end (that is how generations
	// are called).
	Services []Service
	// A name that leads out of the containers, to this machine, the laptop or elsewhere.
	// Services that have it in needs or knows reach it as http://NAME:PORT.
	Externals []External
	// A port of this machine that is forwarded to a service.
	Publishes []Publish

	// LeftOut are the services that Source.Only leaves out, by name.
	LeftOut []string
}

func (c *Config) keys() []key {
	return []key{
		{name: "state", to: &c.State, preset: `"/var/lib/jarloop"`, wrong: badFolder, change: restart},
		{name: "run", to: &c.Run, preset: `"/run/jarloop"`, wrong: badFolder, change: restart},
		{name: "watch", to: &c.Watch, like: "[watch]"},
		{name: "engine", to: &c.Engine, like: "[engine]"},
		{name: "lxc", to: &c.LXC, like: "[lxc]"},
		{name: "logs", to: &c.Logs, like: "[logs]"},
		{name: "notify", to: &c.Notify, like: "[notify]"},
		{name: "page", to: &c.Page, like: "[page]"},
		{name: "env", to: &c.Env, like: `{ LOG_LEVEL = "debug" }`, change: redeploys},
		{name: "env_file", to: &c.EnvFile, like: `"common.env"`, wrong: badEnvFile, change: redeploys},
		{name: "fast_start", to: &c.FastStart, preset: "true", change: redeploys},
		{name: "base", to: each(&c.Bases, func(b *Base) *string { return &b.Name }), like: "[base.service-base]"},
		{name: "service", to: each(&c.Services, func(s *Service) *string { return &s.Name }), like: "[service.frontend]"},
		{name: "external", to: each(&c.Externals, func(e *External) *string { return &e.Name }), like: "[external.payments]"},
		{name: "publish", to: each(&c.Publishes, nil), like: "[[publish]]"},
	}
}

// Service gives the service of that name, or nil. It points into c.
func (c *Config) Service(name string) *Service {
	return one(c.Services, func(s *Service) bool { return s.Name == name })
}

// Base gives the base of that name, or nil. It points into c.
func (c *Config) Base(name string) *Base {
	return one(c.Bases, func(b *Base) bool { return b.Name == name })
}

// External gives the external of that name, or nil. It points into c.
func (c *Config) External(name string) *External {
	return one(c.Externals, func(e *External) bool { return e.Name == name })
}

// one gives the first for which is says so, or nil.
func one[T any](all []T, is func(*T) bool) *T {
	for i := range all {
		if is(&all[i]) {
			return &all[i]
		}
	}
	return nil
}
