package config

import (
	"fmt"
	"slices"
	"strings"
)

// only leaves those services, what they need, and the bases and published ports of
// these. The names of the others are in LeftOut.
func (c *Config) only(names []string) error {
	wanted := map[string]bool{}
	var want func(name string)
	want = func(name string) {
		if s := c.Service(name); s != nil && !wanted[name] {
			wanted[name] = true
			for _, need := range s.Needs {
				want(need)
			}
		}
	}
	for _, name := range names {
		if c.Service(name) == nil {
			return fmt.Errorf("no service %q in the configuration%s", name,
				Meant(name, c.Order(), "; there are: "+strings.Join(c.Order(), ", ")))
		}
		want(name)
	}
	without := func(name string) bool { return !wanted[name] }
	c.LeftOut = slices.DeleteFunc(c.Order(), func(name string) bool { return wanted[name] })
	c.Services = slices.DeleteFunc(c.Services, func(s Service) bool { return without(s.Name) })
	c.Publishes = slices.DeleteFunc(c.Publishes, func(p Publish) bool { return without(p.Service) })
	used := map[string]bool{}
	for i, s := range c.Services {
		used[s.Base] = true
		c.Services[i].Knows = slices.DeleteFunc(s.Knows, func(name string) bool { return slices.Contains(c.LeftOut, name) })
	}
	c.Bases = slices.DeleteFunc(c.Bases, func(b Base) bool { return !used[b.Name] })
	return nil
}
