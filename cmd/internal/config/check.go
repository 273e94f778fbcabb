package config

import (
	"slices"
	"strings"
)

// maxSocket is how long a unix socket's path may be: sun_path has 108 bytes with the
// closing zero, see unix(7).
const maxSocket = 107

// check reports everything in a configuration with its defaults that would not work,
// whatever machine it runs on, and that no key can say by itself.
func (c *Config) check(r *report, root *node) {
	c.checkFolders(r, root)
	c.Engine.check(r, root.at("engine"))
	c.LXC.check(r, root.at("lxc"))
	c.checkIncus(r, root)
	c.Notify.check(r, root.at("notify"))
	for i := range c.Bases {
		c.Bases[i].check(r, root.at("base").at(c.Bases[i].Name))
	}
	if len(c.Services) == 0 && len(r.problems) == 0 { // else it is likely spelt wrong, and reported
		r.add(root, "no service; add one, as in [service.frontend] with port = 8080 below it")
	}
	for i := range c.Services {
		c.checkService(r, root, &c.Services[i])
	}
	for i := range c.Externals {
		c.checkExternal(r, root.at("external").at(c.Externals[i].Name), &c.Externals[i])
	}
	_, cycles := c.walk()
	for _, cycle := range cycles {
		needs := root.at("service").at(cycle.closes()).at("needs")
		r.add(needs.items[cycle.need], "none can be started first: %s; take one of these needs out, or write it in knows", cycle)
	}
	c.checkPublishes(r, root)
	c.checkDebug(r, root)
	c.checkPage(r, root)
}

// checkFolders looks at the folders of the machine, and whether others write there.
func (c *Config) checkFolders(r *report, root *node) {
	dir, run := root.at("watch").at("dir"), root.at("run")
	paths := []string{c.State, c.Run, c.LXC.Path}
	for i, at := range []*node{root.at("state"), run, root.at("lxc").at("path")} {
		path := paths[i]
		if strings.ContainsAny(path, " \t:,\"'\\") {
			r.add(at, "%q contains a space, quote, colon, comma or backslash, which the options of mounts cannot carry; rename it", path)
		}
		if !dir.known() && within(path, c.Watch.Dir) {
			r.add(at, "%q lies in the shared folder %q, which others write; choose a folder elsewhere", path, c.Watch.Dir)
		}
	}
	longest := len("/jarloop.sock")
	for _, s := range c.Services {
		if s.Replace == ReplaceStopFirst {
			longest = max(longest, len("/relay-.sock")+len(s.Name))
		}
	}
	if len(c.Run)+longest > maxSocket {
		r.add(run, "is too long for the path of a unix socket; keep it to %d bytes", maxSocket-longest)
	}
}

func (c *Config) checkService(r *report, root *node, s *Service) {
	n := root.at("service").at(s.Name)
	if reason := WrongName(s.Name); reason != "" {
		r.add(n, "%s", reason)
		return
	}
	bases := c.baseNames()
	if base := n.at("base"); !base.given && s.Base == "" {
		r.add(base, "missing, and there are several; add one of base = %s", quoted(bases, "or"))
	} else if c.Base(s.Base) == nil {
		r.add(base, "no base is called %q%s", s.Base,
			Meant(s.Base, bases, "; add [base.NAME], with nothing in it if the container exists already"))
	}
	if !s.Artefacts {
		s.checkBacking(r, n)
	} else if s.Source == "" {
		r.add(n.at("source"), "is empty; give a folder below watch.dir, or leave it out for %q", "volume-"+s.Name)
	} else if !root.at("watch").at("dir").known() && !within(s.Source, c.Watch.Dir) {
		r.add(n.at("source"), "%q lies outside of watch.dir %q, where nobody looks for changes; choose a folder below it", s.Source, c.Watch.Dir)
	}
	if reason := WrongTarget(s.Target); reason != "" && s.Artefacts {
		r.add(n.at("target"), "%q %s", s.Target, reason)
	}
	s.Health.check(r, n.at("health"), s.Worker())
	s.checkData(r, n)
	c.checkReplace(r, n, s)
	if slices.Contains(s.Needs, s.Name) {
		r.add(n.at("needs").items[slices.Index(s.Needs, s.Name)], "%s needs itself; take it out, or write it in knows", s.Name)
	}
	c.checkNames(r, root, n.at("needs"), s.Needs)
	c.checkNames(r, root, n.at("knows"), s.Knows)
}

func (c *Config) checkExternal(r *report, n *node, e *External) {
	if reason := WrongName(e.Name); reason != "" {
		r.add(n, "%s", reason)
	}
	if c.Service(e.Name) != nil {
		r.add(n, "a service is called %q, too; rename one", e.Name)
	}
	if _, at := e.At(); at.Addr().IsLoopback() && c.LXC.Names == NamesHosts && !n.at("address").known() {
		r.add(n.at("address"), `with lxc.names = "hosts" each container would ask itself at %s; give the address of the bridge, and have the program listen there`, at.Addr())
	}
}

// checkNames looks whether each of a list is called so.
func (c *Config) checkNames(r *report, root, n *node, list []string) {
	for i, name := range list {
		switch {
		case slices.Index(list, name) < i:
			r.add(n.items[i], "%q is in the list twice; take one out", name)
		case c.Service(name) == nil && c.External(name) == nil:
			r.add(n.items[i], "no service is called %q%s", name,
				Meant(name, slices.Concat(root.at("service").names, root.at("external").names), "; add [service.NAME], or [external.NAME] for what is outside, or take it out"))
		}
	}
}

// checkBacking finds what a service without artefacts lacks, and what it cannot have.
func (s *Service) checkBacking(r *report, n *node) {
	if s.Exec == "" {
		r.add(n.at("exec"), "missing; a service with artefacts = false runs what its base holds: add exec, the command that does")
	}
	for _, name := range []string{"source", "files", "target"} {
		if n.at(name).given {
			r.add(n.at(name), "is about artefacts, of which artefacts = false says that there are none; leave one of the two out")
		}
	}
}

// checkData holds the folders that outlive containers against each other, and against
// the one that each deploy replaces.
func (s *Service) checkData(r *report, n *node) {
	for i, folder := range s.Data {
		at := n.at("data").items[i]
		switch j := slices.IndexFunc(s.Data[:i], func(other string) bool { return within(folder, other) || within(other, folder) }); {
		case s.Artefacts && (within(folder, s.Target) || within(s.Target, folder)):
			r.add(at, "%q and the target %q lie in each other, and each deploy replaces the target; choose another target, and let exec say where the data are", folder, s.Target)
		case j >= 0 && s.Data[j] == folder:
			r.add(at, "%q is in the list twice; take one out", folder)
		case j >= 0:
			r.add(at, "%q and %q lie in each other; keep the outer one", folder, s.Data[j])
		}
	}
}

// checkReplace finds what cannot be held while the service is replaced: who calls it by
// an address that is the old container's own.
func (c *Config) checkReplace(r *report, n *node, s *Service) {
	if s.Replace != ReplaceStopFirst || c.LXC.Names != NamesHosts {
		return
	}
	at := n.at("replace")
	if !at.given {
		at = n.at("data")
	}
	for _, other := range c.Services {
		if other.Name != s.Name && slices.Contains(slices.Concat(other.Needs, other.Knows), s.Name) {
			r.add(at, `with lxc.names = "hosts" what %s asks while it is replaced cannot wait, and is lost; make that "vip", or give replace = "overlap"`, other.Name)
			return
		}
	}
}

func (c *Config) baseNames() []string {
	var list []string
	for _, b := range c.Bases {
		list = append(list, b.Name)
	}
	return list
}
