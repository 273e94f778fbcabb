package config

import (
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

// AutoInterface stands for the interface of the default route.
const AutoInterface = "auto"

// Publish is a port of the VM that is forwarded to a service.
type Publish struct {
	// The interface of the VM that requests come in by; "ip route" names it. auto is
	// that of the default route when the agent starts.
	Interface string
	// The port of the VM.
	Port int
	// What is spoken there. A port can be published for both, each in a table of its own.
	Protocol string
	// The service that the port is forwarded to.
	Service string
	// The port of the service, such as that of its admin pages. Default: the service's
	// own.
	To int
}

func (p *Publish) keys() []key {
	return []key{
		{name: "interface", to: &p.Interface, preset: `"auto"`, wrong: device("interfaces"), change: live},
		{name: "port", to: &p.Port, like: "8080", required: "the port of the VM", limits: "1 to 65535", is: "a port", change: live},
		{name: "protocol", to: &p.Protocol, preset: `"tcp"`, values: []string{deployer.TCP, deployer.UDP}, change: live},
		{name: "service", to: &p.Service, like: `"web"`, required: "the service that the port is forwarded to", change: live},
		{name: "to", to: &p.To, like: "8081", limits: "1 to 65535", is: "a port", change: live},
	}
}

// Ports gives every port of the VM that is forwarded to a service: those published,
// and those of debuggers. These come in by the interfaces that the published ones do;
// if there is none, from the VM and its containers alone, since whoever can debug a
// service is root where it runs. auto is the interface that AutoInterface stands for.
func (c *Config) Ports(auto string) []deployer.Publish {
	var ports []deployer.Publish
	var interfaces []string
	for _, p := range c.Publishes {
		if p.Interface == AutoInterface {
			p.Interface = auto
		}
		ports = append(ports, deployer.Publish{
			Interface: p.Interface, Port: uint16(p.Port), Protocol: p.Protocol, Service: p.Service, To: uint16(p.To),
		})
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
			ports = append(ports, deployer.Publish{Interface: name, Port: port, Protocol: deployer.TCP, Service: s.Name, To: port})
		}
	}
	return ports
}
