package config

import "slices"

// Port is a port of the VM that is led to a service.
type Port struct {
	Publish
	To int // port of the service that it leads to; 0: the one it listens on
}

// Ports gives every port of the VM that is led to a service: those published, and
// those of debuggers. These come in by the interfaces that the published ones do; if
// there is none, from the VM and its containers alone, since whoever can debug a
// service is root where it runs.
func (c *Config) Ports() []Port {
	var ports []Port
	var interfaces []string
	for _, p := range c.Publishes {
		ports = append(ports, Port{Publish: p})
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
			ports = append(ports, Port{Publish{Interface: name, Port: s.Debug, Service: s.Name}, s.Debug})
		}
	}
	return ports
}

// validateDebug finds debug ports that something else has.
func (c *Config) validateDebug(r *report) {
	first := map[int]string{} // service whose debugger has the port
	for _, s := range c.Services {
		key := join(serviceKey(s.Name), "debug")
		if !r.places.given(key) || r.known(key) {
			continue
		}
		if s.Debug < 1 || s.Debug > 65535 {
			r.add(key, "%d is not a port; give 1 to 65535, or leave it out", s.Debug)
			continue
		}
		if s.Debug == s.Port {
			r.add(key, "%d is the port that the service itself listens on; choose another", s.Debug)
		}
		if other, taken := first[s.Debug]; taken {
			r.add(key, "%d is the debugger's port of %q already; choose another", s.Debug, other)
		} else {
			first[s.Debug] = s.Name
		}
		if i := slices.IndexFunc(c.Publishes, func(p Publish) bool { return p.Port == s.Debug }); i >= 0 {
			r.add(key, "%d is published on line %d, for %q; choose another port",
				s.Debug, r.places.line(element("publish", i)), c.Publishes[i].Service)
		}
	}
}
