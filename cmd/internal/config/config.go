package config

// Config is a whole configuration after defaults and checks. Bases, services and
// publishes keep the order of the file; Order has that in which services come up, and
// in which they are shown to people.
type Config struct {
	State string
	Run   string

	Watch     Watch
	LXC       LXC
	Logs      Logs
	Notify    Notify
	Bases     []Base // those written, and the built-in one if a service uses it
	Services  []Service
	Publishes []Publish
}

func (c *Config) keys() []key {
	return []key{
		{name: "state", to: &c.State, preset: `"/var/lib/jarloop"`, change: restart,
			doc: "the folder for what outlives a reboot: copies of artefacts, logs"},
		{name: "run", to: &c.Run, preset: `"/run/jarloop"`, change: restart,
			doc: "the folder for what does not: the lock and the socket"},
		{name: "watch", to: c.Watch.keys(), like: "[watch]",
			doc: "The folder that is shared with the development machine"},
		{name: "lxc", to: c.LXC.keys(), like: "[lxc]",
			doc: "The containers"},
		{name: "logs", to: c.Logs.keys(), like: "[logs]",
			doc: "What the services print"},
		{name: "notify", to: c.Notify.keys(), like: "[notify]",
			doc: "Who is notified of what happens. The event is sent as JSON, described in README.md; " +
				"the agent does not wait for it, and what fails is one line"},
		{name: "base", like: "[base.service-base]",
			to: each(&c.Bases, false, func(b *Base, name string) []key {
				b.Name = name
				return b.keys()
			}),
			doc: "What containers are cloned from. A base that is missing is built at the start, one whose " +
				"recipe changes is built beside the old. Where service-base is not written it is built in: a " +
				"Debian with a Java runtime"},
		{name: "service", like: "[service.frontend]",
			to: each(&c.Services, false, func(s *Service, name string) []key {
				s.Name = name
				return s.keys()
			}),
			doc: "A service. Its name is the host name by which the others reach it: lower-case letters, " +
				"digits and dashes, no dash and number at the end (that is how generations are called)"},
		{name: "publish", like: "[[publish]]",
			to:  each(&c.Publishes, true, func(p *Publish, _ string) []key { return p.keys() }),
			doc: "A port of this machine that is forwarded to a service"},
	}
}

// Service gives the service of that name, or nil. It points into c.
func (c *Config) Service(name string) *Service {
	for i := range c.Services {
		if c.Services[i].Name == name {
			return &c.Services[i]
		}
	}
	return nil
}

// Base gives the base of that name, or nil. It points into c.
func (c *Config) Base(name string) *Base {
	for i := range c.Bases {
		if c.Bases[i].Name == name {
			return &c.Bases[i]
		}
	}
	return nil
}

func (c *Config) serviceNames() []string {
	list := make([]string, len(c.Services))
	for i, s := range c.Services {
		list[i] = s.Name
	}
	return list
}

func (c *Config) baseNames() []string {
	list := make([]string, len(c.Bases))
	for i, b := range c.Bases {
		list[i] = b.Name
	}
	return list
}
