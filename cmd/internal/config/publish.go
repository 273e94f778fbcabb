package config

import (
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
	// The port of every member of the cluster that leads there as well, with
	// engine.kind = "incus". Default: members open none.
	Members int
}

func (p *Publish) keys() []key {
	return []key{
		{name: "interface", to: &p.Interface, preset: `"auto"`, wrong: device("interfaces"), change: live},
		{name: "port", to: &p.Port, like: "8080", required: "the port of the VM", limits: "1 to 65535", is: "a port", change: live},
		{name: "protocol", to: &p.Protocol, preset: `"tcp"`, values: []string{deployer.TCP, deployer.UDP}, change: live},
		{name: "service", to: &p.Service, like: `"web"`, required: "the service that the port is forwarded to", change: live},
		{name: "to", to: &p.To, like: "8081", limits: "1 to 65535", is: "a port", change: live},
		{name: "members", to: &p.Members, like: "8080", limits: "1 to 65535", is: "a port", change: live},
	}
}
