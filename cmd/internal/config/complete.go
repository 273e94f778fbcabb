package config

import (
	"cmp"
	"path/filepath"
)

// defaultBase is the base of services that name none, unless the file has a single
// base, which is then meant, or several without one of this name, when each service
// has to choose. A defaultBase that is used but not written in the file is built in: a
// Debian with a Java runtime.
const defaultBase = "service-base"

// complete puts in place the defaults that depend on other keys, and paths in their
// shortest form.
func (c *Config) complete(root *node) {
	for _, folder := range []*string{&c.State, &c.Run, &c.Watch.Dir, &c.LXC.Path} {
		*folder = filepath.Clean(*folder)
	}
	if at := root.at("lxc").at("names"); !at.given || at.known() {
		c.LXC.Names = NamesVIP
		if c.LXC.Address == AddressDHCP { // there are no addresses for the services then
			c.LXC.Names = NamesHosts
		}
	}
	if c.Incus() {
		c.LXC.Reserve = 0 // it is of this machine's memory, which no container takes
	}
	c.Notify.complete(root.at("notify"))
	base := c.usualBase()
	for i := range c.Services {
		s := &c.Services[i]
		s.complete(root.at("service").at(s.Name), c.Watch.Dir, base, c.FastStart)
		s.Environment = merged(c.Env, s.Env)
		s.EnvFile = s.EnvFile.from(cmp.Or(s.Source, c.Watch.Dir))
	}
	c.EnvFile = c.EnvFile.from(c.Watch.Dir)
	c.addBuiltInBase()
}

// usualBase gives the base of services that name none; "" if there is a choice.
func (c *Config) usualBase() string {
	switch {
	case len(c.Bases) == 1:
		return c.Bases[0].Name
	case len(c.Bases) == 0 || c.Base(defaultBase) != nil:
		return defaultBase
	default:
		return ""
	}
}

// addBuiltInBase makes the smallest configurations whole: a service, a port, and no
// word of bases.
func (c *Config) addBuiltInBase() {
	if c.Base(defaultBase) != nil {
		return
	}
	for _, s := range c.Services {
		if s.Base == defaultBase {
			c.Bases = append(c.Bases, Base{
				Name:         defaultBase,
				Distribution: "debian:bookworm",
				Packages:     []string{"openjdk-17-jre-headless"},
				Privileged:   true,
				BuiltIn:      true,
			})
			return
		}
	}
}
