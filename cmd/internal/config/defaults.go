package config

import (
	"path"
	"path/filepath"
	"slices"
	"time"
)

// defaultBase is the base of services that name none, unless the file has a single
// base, which is then meant, or several without one of this name, when each service
// has to choose. A defaultBase that is used but not written in the file is built in: a
// Debian with a Java runtime.
const defaultBase = "service-base"

// setDefaults puts every value in place that the file leaves out, and paths in their
// shortest form. A value that is known to be wrong gets its default as well, so that
// one mistake does not look like several.
func (c *Config) setDefaults(r *report) {
	absent := func(key string) bool { return !r.places.given(key) || r.known(key) }
	preset(&c.State, absent("state"), "/var/lib/jarloop")
	preset(&c.Run, absent("run"), "/run/jarloop")
	preset(&c.Watch.Dir, absent("watch.dir"), "/host")
	preset(&c.Watch.Mode, absent("watch.mode"), ModeAuto)
	preset(&c.Watch.Poll, absent("watch.poll"), Duration{10 * time.Second})
	preset(&c.Watch.Settle, absent("watch.settle"), Duration{20 * time.Millisecond})
	preset(&c.Watch.Keep, absent("watch.keep"), 5)
	preset(&c.LXC.Path, absent("lxc.path"), "/var/lib/lxc")
	preset(&c.LXC.Backing, absent("lxc.backing"), BackingAuto)
	preset(&c.LXC.Bridge, absent("lxc.bridge"), "lxcbr0")
	preset(&c.LXC.Address, absent("lxc.address"), AddressStatic)
	preset(&c.LXC.Wiring, absent("lxc.wiring"), c.usualWiring())
	preset(&c.LXC.Reserve, absent("lxc.reserve"), 256<<20)
	preset(&c.LXC.Standby, absent("lxc.standby"), true)
	preset(&c.LXC.KeepFailed, absent("lxc.keep_failed"), true)
	preset(&c.Logs.Keep, absent("logs.keep"), 16<<20)
	preset(&c.Logs.Generations, absent("logs.generations"), 5)
	preset(&c.Notify.Timeout, absent("notify.timeout"), Duration{10 * time.Second})
	if absent("notify.events") && (len(c.Notify.Command) > 0 || c.Notify.Webhook != "") {
		c.Notify.Events = slices.Clone(usualEvents)
	}
	for _, folder := range []*string{&c.State, &c.Run, &c.Watch.Dir, &c.LXC.Path} {
		if *folder != "" {
			*folder = filepath.Clean(*folder)
		}
	}

	for i := range c.Bases {
		b := &c.Bases[i]
		preset(&b.Privileged, absent(join(baseKey(b.Name), "privileged")), true)
	}
	usual := c.usualBase()
	for i := range c.Services {
		c.Services[i].setDefaults(absent, c.Watch.Dir, usual)
	}
	c.addBuiltInBase()
}

// usualWiring is stable but for bridges that others give the addresses of: there
// are none for the services then.
func (c *Config) usualWiring() string {
	if c.LXC.Address == AddressDHCP {
		return WiringHosts
	}
	return WiringStable
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

func (s *Service) setDefaults(absent func(key string) bool, dir, base string) {
	key := serviceKey(s.Name)
	preset(&s.Base, absent(join(key, "base")), base)
	preset(&s.Source, absent(join(key, "source")), "volume-"+s.Name)
	preset(&s.Target, absent(join(key, "target")), "/"+s.Name)
	preset(&s.Health.Timeout, absent(join(healthKey(s.Name), "timeout")), Duration{time.Minute})
	preset(&s.Drain, absent(join(key, "drain")), Duration{10 * time.Second})
	preset(&s.HookTimeout, absent(join(key, "hook_timeout")), Duration{10 * time.Second})
	if s.Source != "" && !filepath.IsAbs(s.Source) {
		s.Source = filepath.Join(dir, s.Source)
	} else if s.Source != "" {
		s.Source = filepath.Clean(s.Source)
	}
	if s.Target != "" {
		s.Target = path.Clean(s.Target)
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
			})
			return
		}
	}
}

func preset[T any](value *T, absent bool, preset T) {
	if absent {
		*value = preset
	}
}

func healthKey(name string) string { return join(serviceKey(name), "health") }

func serviceKey(name string) string { return join("service", name) }

func baseKey(name string) string { return join("base", name) }
