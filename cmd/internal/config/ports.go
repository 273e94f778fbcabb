package config

import (
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

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

// MemberPorts gives the ports that every member of the cluster opens.
func (c *Config) MemberPorts() (all []deployer.MemberPort) {
	for _, p := range c.Publishes {
		if p.Members != 0 {
			all = append(all, deployer.MemberPort{Port: uint16(p.Members), Protocol: p.Protocol, To: uint16(p.Port)})
		}
	}
	return all
}

// checkPublishes finds ports that lead nowhere, or to two services.
func (c *Config) checkPublishes(r *report, root *node) {
	list := root.at("publish")
	type port struct {
		number   int
		protocol string
	}
	taken, opened := map[port]int{}, map[port]int{} // → publish
	for i, p := range c.Publishes {
		n := list.items[i]
		if n.at("members").given && !c.Incus() {
			r.add(n.at("members"), `has no effect with engine.kind = "lxc", where this machine is the only one; leave it out`)
		} else if p.Members != 0 {
			if first, ok := opened[port{p.Members, p.Protocol}]; ok {
				r.add(n.at("members"), "%d is opened on the members by line %d already, for %q; choose another port or leave one out",
					p.Members, r.line(list.items[first]), c.Publishes[first].Service)
			} else {
				opened[port{p.Members, p.Protocol}] = i
			}
		}
		switch s := c.Service(p.Service); {
		case s == nil:
			r.add(n.at("service"), "no service is called %q%s", p.Service,
				Meant(p.Service, root.at("service").names, "; add [service.NAME] or leave this publish out"))
		case s.Worker():
			r.add(n.at("service"), "%s is a worker, which has no port: its health has command, log or up; add port = 8080 or the like to [service.%[1]s], or leave this publish out", p.Service)
		}
		first, ok := taken[port{p.Port, p.Protocol}]
		if !ok {
			taken[port{p.Port, p.Protocol}] = i
			continue
		}
		if f := c.Publishes[first]; f.Service != p.Service || f.To != p.To || f.Interface == p.Interface {
			r.add(n.at("port"), "%d is published on line %d already, for %q; choose another port or leave one out",
				p.Port, r.line(list.items[first]), f.Service)
		}
	}
}

// checkDebug finds debug ports that something else has.
func (c *Config) checkDebug(r *report, root *node) {
	first := map[int]string{} // service whose debugger has the port
	for _, s := range c.Services {
		n := root.at("service").at(s.Name).at("debug")
		if !n.given || n.known() {
			continue
		}
		if s.Debug == s.Port {
			r.add(n, "%d is the port that the service itself listens on; choose another", s.Debug)
		}
		if other, taken := first[s.Debug]; taken {
			r.add(n, "%d is the debugger's port of %q already; choose another", s.Debug, other)
		} else {
			first[s.Debug] = s.Name
		}
		if i := slices.IndexFunc(c.Publishes, func(p Publish) bool { return p.Port == s.Debug && p.Protocol == deployer.TCP }); i >= 0 {
			r.add(n, "%d is published on line %d, for %q; choose another port",
				s.Debug, r.line(root.at("publish").items[i]), c.Publishes[i].Service)
		}
	}
}
