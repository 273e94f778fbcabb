package config

import (
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

// Publish is a port of the VM that is forwarded to a service.
type Publish struct {
	// The interface of the VM that requests come in by; "ip route" names it.
	Interface string
	// The port of the VM.
	Port int
	// The service that the port is forwarded to.
	Service string
}

func (p *Publish) keys() []key {
	return []key{
		{name: "interface", to: &p.Interface, like: `"eth0"`, required: "the interface of the VM that requests come in by", wrong: device("interfaces"), change: live},
		{name: "port", to: &p.Port, like: "8080", required: "the port of the VM", limits: "1 to 65535", is: "a port", change: live},
		{name: "service", to: &p.Service, like: `"web"`, required: "the service that the port is forwarded to", change: live},
	}
}

// Ports gives every port of the VM that is forwarded to a service: those published,
// and those of debuggers. These come in by the interfaces that the published ones do;
// if there is none, from the VM and its containers alone, since whoever can debug a
// service is root where it runs.
func (c *Config) Ports() []deployer.Publish {
	var ports []deployer.Publish
	var interfaces []string
	for _, p := range c.Publishes {
		ports = append(ports, deployer.Publish{Interface: p.Interface, Port: uint16(p.Port), Service: p.Service})
		if !slices.Contains(interfaces, p.Interface) {
			interfaces = append(interfaces, p.Interface)
		}
	}
	if len(interfaces) == 0 {
		interfaces = []string{c.LXC.Bridge}
	}
	for _, s := range c.Services {
		if s.Debug == 0 {
			continue
		}
		for _, name := range interfaces {
			port := uint16(s.Debug)
			ports = append(ports, deployer.Publish{Interface: name, Port: port, Service: s.Name, To: port})
		}
	}
	return ports
}
