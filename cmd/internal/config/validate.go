package config

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxSocket is how long a unix socket's path may be: sun_path has 108 bytes with the
// closing zero, see unix(7).
const maxSocket = 107

// validate reports everything in a configuration with its defaults that would not
// work, whatever machine it runs on.
func (c *Config) validate(r *report) {
	c.validateFolders(r)
	c.validateWatch(r)
	c.validateLXC(r)
	if c.Logs.Keep < 64<<10 || c.Logs.Keep > 1<<40 {
		r.add("logs.keep", "%s is out of range; give 64KiB to 1024GiB", c.Logs.Keep)
	}
	if c.Logs.Generations < 0 || c.Logs.Generations > 1000 {
		r.add("logs.generations", "%d is out of range; give 0 to 1000", c.Logs.Generations)
	}
	c.validateNotify(r)
	for i := range c.Bases {
		c.Bases[i].validate(r)
	}
	if len(c.Services) == 0 && len(r.problems) == 0 { // else it is likely spelt wrong, and said
		r.add("", "no service; add one, as in [service.frontend] with port = 8080 below it")
	}
	for i := range c.Services {
		c.validateService(r, &c.Services[i])
	}
	c.validateCycles(r)
	c.validatePublishes(r)
	c.validateDebug(r)
}

func (c *Config) validateFolders(r *report) {
	folders := []struct{ key, path string }{
		{"state", c.State}, {"run", c.Run}, {"lxc.path", c.LXC.Path}, {"watch.dir", c.Watch.Dir},
	}
	for _, f := range folders {
		if !filepath.IsAbs(f.path) {
			r.add(f.key, "%q is not absolute; begin it with a slash, since the agent's working folder is not certain", f.path)
		} else if f.path == "/" {
			r.add(f.key, "must not be /; give a folder of its own")
		}
	}
	for _, f := range folders[:3] {
		if strings.ContainsAny(f.path, " \t:,\"'\\") {
			r.add(f.key, "%q contains a space, quote, colon, comma or backslash, which the options of mounts cannot carry; rename it", f.path)
		}
		if !r.known("watch.dir") && within(f.path, c.Watch.Dir) {
			r.add(f.key, "%q lies in the shared folder %q, which others write; choose a folder elsewhere", f.path, c.Watch.Dir)
		}
	}
	if len(c.Run)+len("/jarloop.sock") > maxSocket {
		r.add("run", "is too long for the path of a unix socket; keep it to %d bytes", maxSocket-len("/jarloop.sock"))
	}
}

func (c *Config) validateWatch(r *report) {
	oneOf(r, "watch.mode", c.Watch.Mode, ModeAuto, ModeInotify, ModePoll)
	between(r, "watch.poll", c.Watch.Poll, 10*time.Millisecond, time.Minute)
	between(r, "watch.settle", c.Watch.Settle, 0, 10*time.Minute)
	if c.Watch.Keep < 1 || c.Watch.Keep > 1000 {
		r.add("watch.keep", "%d is out of range; give 1 to 1000", c.Watch.Keep)
	}
}

func (c *Config) validateLXC(r *report) {
	oneOf(r, "lxc.backing", c.LXC.Backing, BackingAuto, BackingOverlay, BackingBtrfs, BackingZFS, BackingDir)
	oneOf(r, "lxc.address", c.LXC.Address, AddressStatic, AddressDHCP)
	oneOf(r, "lxc.wiring", c.LXC.Wiring, WiringStable, WiringHosts)
	if c.LXC.Wiring == WiringStable && c.LXC.Address == AddressDHCP {
		r.add("lxc.wiring", `"stable" needs addresses of our own; leave it out with address = "dhcp", or make that "static"`)
	}
	if c.LXC.Reserve < 0 || c.LXC.Reserve > 1<<40 {
		r.add("lxc.reserve", "%s is out of range; give 0MiB to 1024GiB", c.LXC.Reserve)
	}
	if reason := badInterface(c.LXC.Bridge); reason != "" {
		r.add("lxc.bridge", "%q %s; \"ip link\" lists the bridges", c.LXC.Bridge, reason)
	}
	span := c.LXC.Range
	switch {
	case span.IsZero():
		return
	case span.Last.Less(span.First):
		r.add("lxc.range", "%s ends before it begins; write %s-%s", span, span.Last, span.First)
	case !unicast(span.First) || !unicast(span.Last):
		r.add("lxc.range", "%s are not addresses that a container can have; choose some in the bridge's subnet", span)
	case c.LXC.Address == AddressDHCP:
		r.add("lxc.range", `has no effect with address = "dhcp"; leave one of the two out`)
	}
}

func (c *Config) validatePublishes(r *report) {
	taken := map[int]int{} // port → publish
	for i, p := range c.Publishes {
		key := element("publish", i)
		switch reason := badInterface(p.Interface); {
		case !r.places.given(join(key, "interface")):
			r.add(join(key, "interface"), `missing; add interface = "eth0", the interface of the VM that requests come in by`)
		case reason != "":
			r.add(join(key, "interface"), "%q %s; \"ip link\" lists the interfaces", p.Interface, reason)
		}
		validatePort(r, join(key, "port"), p.Port, "the port of the VM")
		switch {
		case !r.places.given(join(key, "service")):
			r.add(join(key, "service"), "missing; add the service that the port leads to")
		case c.Service(p.Service) == nil:
			r.add(join(key, "service"), "no service is called %q%s", p.Service,
				meant(p.Service, c.serviceNames(), "; add [service.NAME] or leave this publish out"))
		}
		first, ok := taken[p.Port]
		if !ok {
			taken[p.Port] = i
			continue
		}
		if f := c.Publishes[first]; f.Service != p.Service || f.Interface == p.Interface {
			r.add(join(key, "port"), "%d is published on line %d already, for %q; choose another port or leave one out",
				p.Port, r.places.line(element("publish", first)), f.Service)
		}
	}
}

// validatePort also reports a port that is missing; whose says which port it is.
func validatePort(r *report, key string, port int, whose string) {
	switch {
	case !r.places.given(key):
		r.add(key, "missing; add port = 8080, %s", whose)
	case port < 1 || port > 65535:
		r.add(key, "%d is not a port; give 1 to 65535", port)
	}
}

func between(r *report, key string, d Duration, low, high time.Duration) {
	if d.Duration < low || d.Duration > high {
		r.add(key, "%s is out of range; give %s to %s", d, Duration{low}, Duration{high})
	}
}

func oneOf(r *report, key, value string, values ...string) {
	if !slices.Contains(values, value) {
		r.add(key, "%q is none of %s%s", value, quoted(values, "and"), meant(value, values, ""))
	}
}

// badMirror says what is wrong with the address of a package mirror, or "".
func badMirror(mirror string) string {
	u, err := url.Parse(mirror)
	if err != nil || !slices.Contains([]string{"http", "https", "file", "copy"}, u.Scheme) || u.Host+u.Path == "" {
		return `is not the address of a package mirror; write it like "http://mirror.example/debian"`
	}
	if strings.Contains(mirror, " ") {
		return "contains a space; give one address"
	}
	return ""
}
