package config

// Config is a whole configuration after defaults and validation. Bases, services
// and publishes keep the order of the file; Order has that in which services
// come up, and in which they are shown to people.
type Config struct {
	State string // folder for what outlives a reboot: artefact sets, logs
	Run   string // folder for what does not: lock and socket

	Watch     Watch
	LXC       LXC
	Logs      Logs
	Notify    Notify
	Bases     []Base // those written, and the built-in one if a service uses it
	Services  []Service
	Publishes []Publish
}

// Watch says how the shared folder is observed.
type Watch struct {
	Dir    string   `toml:"dir" like:"\"/host\""`
	Mode   string   `toml:"mode" like:"\"auto\""`   // ModeAuto, ModeInotify or ModePoll
	Poll   Duration `toml:"poll" like:"\"10s\""`    // no file is looked at less often, when polling
	Settle Duration `toml:"settle" like:"\"20ms\""` // how long a service's files must have been still
	Keep   int      `toml:"keep" like:"5"`          // artefact sets of each service that were live, to go back to

	Together bool `toml:"together" like:"true"` // whether what one build touched is switched as one
}

// The values of Watch.Mode.
const (
	ModeAuto    = "auto"
	ModeInotify = "inotify"
	ModePoll    = "poll"
)

// LXC says where containers live and how they are made.
type LXC struct {
	Path    string `toml:"path" like:"\"/var/lib/lxc\""`
	Backing string `toml:"backing" like:"\"auto\""` // one of the Backing… values
	Bridge  string `toml:"bridge" like:"\"lxcbr0\""`
	Address string `toml:"address" like:"\"static\""`              // AddressStatic or AddressDHCP
	Range   Range  `toml:"range" like:"\"10.0.3.128-10.0.3.253\""` // the zero Range: to be derived from the bridge's subnet
	Wiring  string `toml:"wiring" like:"\"stable\""`               // WiringStable or WiringHosts
	Standby bool   `toml:"standby" like:"true"`                    // whether the next generation is made ahead of time
	Reserve Size   `toml:"reserve" like:"\"256MiB\""`              // memory that standbys and kept failures leave free

	KeepFailed bool `toml:"keep_failed" like:"true"` // whether the newest generation that failed stays, to be looked into
}

// The values of LXC.Backing.
const (
	BackingAuto    = "auto"
	BackingOverlay = "overlay"
	BackingBtrfs   = "btrfs"
	BackingZFS     = "zfs"
	BackingDir     = "dir"
)

// The values of LXC.Address.
const (
	AddressStatic = "static"
	AddressDHCP   = "dhcp"
)

// The values of LXC.Wiring.
const (
	WiringStable = "stable" // a name leads to a fixed address, and that to what is live
	WiringHosts  = "hosts"  // a name leads to what is live
)

// Logs says how much of what the services print is kept.
type Logs struct {
	Keep        Size `toml:"keep" like:"\"16MiB\""` // for each generation
	Generations int  `toml:"generations" like:"5"`  // of each service, beside those that run
}

// Notify says who is told of what happens.
type Notify struct {
	Command Command  `toml:"command" like:"\"notify-send jarloop\""`             // run for each event, with the event as JSON on its standard input; none: none
	Webhook string   `toml:"webhook" like:"\"http://192.168.1.2:9000/jarloop\""` // each event is sent there by POST, as JSON; "": none
	Events  []string `toml:"events" like:"[\"failed\", \"died\"]"`               // of Events
	Timeout Duration `toml:"timeout" like:"\"10s\""`                             // how long one telling may take
}

// Command is a command of the VM: argv, or none. A command line is one for the shell.
type Command []string

// Base is what one kind of container is made of. Distribution and Template are
// never both set; with neither, the container exists already.
type Base struct {
	Name string `toml:"-"`

	Distribution string   `toml:"distribution" like:"\"debian:bookworm\""`        // NAME:SUITE
	Mirror       string   `toml:"mirror" like:"\"http://mirror.example/debian\""` // "": the build tool's own choice
	Template     string   `toml:"template" like:"\"ubuntu\""`                     // an lxc-create template
	Args         []string `toml:"args" like:"[\"--release\", \"noble\"]"`         // for the template
	Packages     []string `toml:"packages" like:"[\"nginx-light\"]"`
	Run          []string `toml:"run" like:"[\"rm -f /etc/motd\"]" text:"lines"` // shell commands, run inside after the packages

	Privileged bool `toml:"privileged" like:"true"` // whether root inside is root of the host
}

// Exists says whether the base is a container that somebody else made.
func (b Base) Exists() bool { return b.Distribution == "" && b.Template == "" }

// Service is one service with everything resolved.
type Service struct {
	Name string `toml:"-"`

	Base     string   `toml:"base" like:"\"service-base\""`
	Source   string   `toml:"source" like:"\"volume-frontend\""`                           // absolute, in Watch.Dir
	Files    []string `toml:"files" like:"[\"*.jar\"]"`                                    // patterns of path.Match; none: every file
	Target   string   `toml:"target" like:"\"/frontend\""`                                 // folder inside the container
	Exec     string   `toml:"exec" like:"\"java -jar /frontend/FrontendApplication.jar\""` // shell command line; "": java -jar and the one JAR
	Port     int      `toml:"port" like:"8080"`
	Needs    []string `toml:"needs" like:"[\"person\"]"`
	Logs     []string `toml:"logs" like:"[\"/log/*.log\"]"` // patterns of files inside the container
	Health   Health   `toml:"health" like:"{ path = \"/\", timeout = \"60s\" }"`
	Drain    Duration `toml:"drain" like:"\"10s\""`                 // how long the old generation may finish its work
	OnRewire string   `toml:"on_rewire" like:"\"nginx -s reload\""` // shell command line, run inside when a needed service moved; "": none

	Debug int `toml:"debug" like:"5005"` // port of the VM, and of its JVM, for a debugger; 0: none

	BeforeDeploy Command  `toml:"before_deploy" like:"\"./migrate\""` // run on the VM before artefacts are installed; its failure ends the deploy
	AfterDeploy  Command  `toml:"after_deploy" like:"\"./smoke\""`    // run on the VM when a generation has gone live
	HookTimeout  Duration `toml:"hook_timeout" like:"\"10s\""`        // how long either of them may take
}

// Health says what proves a generation healthy.
type Health struct {
	Path    string   `toml:"path" like:"\"/\""` // to be answered below 400; "": the port accepts a connection
	Timeout Duration `toml:"timeout" like:"\"60s\""`
}

// Publish is a port of the VM that leads to a service.
type Publish struct {
	Interface string `toml:"interface" like:"\"eth0\""`
	Port      int    `toml:"port" like:"80"`
	Service   string `toml:"service" like:"\"web\""`
}

// document is the file's own shape: what may be written, and where. Tags: toml is
// the key, like a value that an error can show, text:"lines" allows line breaks.
type document struct {
	State   string             `toml:"state" like:"\"/var/lib/jarloop\""`
	Run     string             `toml:"run" like:"\"/run/jarloop\""`
	Watch   Watch              `toml:"watch" like:"[watch]"`
	LXC     LXC                `toml:"lxc" like:"[lxc]"`
	Logs    Logs               `toml:"logs" like:"[logs]"`
	Notify  Notify             `toml:"notify" like:"[notify]"`
	Base    map[string]Base    `toml:"base" like:"[base.service-base]"`
	Service map[string]Service `toml:"service" like:"[service.frontend]"`
	Publish []Publish          `toml:"publish" like:"[[publish]]"`
}

// config gives the document as a Config, in the order of the file.
func (d *document) config(p *places) *Config {
	c := &Config{State: d.State, Run: d.Run, Watch: d.Watch, LXC: d.LXC, Logs: d.Logs, Notify: d.Notify, Publishes: d.Publish}
	for _, name := range p.keys("base") {
		if b, ok := d.Base[name]; ok {
			b.Name = name
			c.Bases = append(c.Bases, b)
		}
	}
	for _, name := range p.keys("service") {
		if s, ok := d.Service[name]; ok {
			s.Name = name
			c.Services = append(c.Services, s)
		}
	}
	return c
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
	names := make([]string, len(c.Services))
	for i, s := range c.Services {
		names[i] = s.Name
	}
	return names
}

func (c *Config) baseNames() []string {
	names := make([]string, len(c.Bases))
	for i, b := range c.Bases {
		names[i] = b.Name
	}
	return names
}
