package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// The values of Engine.Kind.
const (
	EngineLXC   = "lxc"
	EngineIncus = "incus"
)

// Engine says what makes containers.
type Engine struct {
	// What makes containers: LXC on this machine (lxc), or a cluster of machines with
	// Incus (incus), which all other keys of this table are for. docs/cluster.md leads
	// there, and says what this cannot do yet.
	Kind string
	// Where a member of the cluster answers: https://HOST:8443, or the path of its unix
	// socket where the agent runs on a member.
	Address string
	// The file of the client certificate that the cluster trusts, for https.
	Certificate string
	// The file of that certificate's key.
	Key string
	// The file of the cluster's own certificate, which then alone is accepted. Default: one
	// that this machine's authorities have signed.
	ServerCertificate string
	// The project of Incus that containers are made in.
	Project string
	// Whose the containers are: their names begin with it, as in anna-frontend-7. Each
	// agent of a cluster has another one.
	Owner string
	// The storage pool whose free space is looked after, and in which data of services are:
	// that of the profile default.
	Pool string
	// What containers ask for names of the world: an IPv4 address, such as the bridge's
	// own of Incus. Default: what their base says.
	Nameserver string
	// The static program that is run inside containers. Default: lib/jarloop/guest, beside
	// the folder bin of this program.
	Guest string
}

func (e *Engine) keys() []key {
	return []key{
		{name: "kind", to: &e.Kind, preset: `"lxc"`, values: []string{EngineLXC, EngineIncus}, change: restart},
		{name: "address", to: &e.Address, like: `"https://10.0.4.11:8443"`, wrong: badIncus, change: restart},
		{name: "certificate", to: &e.Certificate, like: `"/etc/jarloop/client.crt"`, wrong: badFile, change: restart},
		{name: "key", to: &e.Key, like: `"/etc/jarloop/client.key"`, wrong: badFile, change: restart},
		{name: "server_certificate", to: &e.ServerCertificate, like: `"/etc/jarloop/cluster.crt"`, wrong: badFile, change: restart},
		{name: "project", to: &e.Project, preset: `"default"`, wrong: badProject, change: restart},
		{name: "owner", to: &e.Owner, like: `"anna"`, wrong: badOwner, change: restart},
		{name: "pool", to: &e.Pool, preset: `"default"`, wrong: empty("give the name of a storage pool"), change: restart},
		{name: "nameserver", to: &e.Nameserver, like: `"10.0.5.1"`, wrong: badNameserver, change: restart},
		{name: "guest", to: &e.Guest, like: `"/usr/local/lib/jarloop/guest"`, wrong: badFile, change: restart},
	}
}

// Incus says whether containers are those of a cluster.
func (c *Config) Incus() bool { return c.Engine.Kind == EngineIncus }

// TLS says whether the cluster is reached by https.
func (e Engine) TLS() bool { return strings.HasPrefix(e.Address, "https:") }

func (e *Engine) check(r *report, n *node) {
	if n.at("kind").known() {
		return
	}
	if e.Kind != EngineIncus {
		for _, k := range e.keys()[1:] {
			if n.at(k.name).given {
				r.add(n.at(k.name), `has no effect with kind = "lxc"; add kind = "incus", or leave it out`)
			}
		}
		return
	}
	need := func(name, what string) {
		if at := n.at(name); !at.given {
			r.add(at, "missing; add %s = %s, %s", name, example(e.keys(), name), what)
		}
	}
	need("address", "where a member of the cluster answers")
	need("owner", "with which the names of this agent's containers begin")
	if n.at("address").known() {
		return
	}
	if e.TLS() {
		need("certificate", "the client certificate that the cluster trusts")
		need("key", "that certificate's key")
		return
	}
	for _, name := range []string{"certificate", "key", "server_certificate"} {
		if n.at(name).given {
			r.add(n.at(name), "is for https, and address is a unix socket; leave one of the two out")
		}
	}
}

// example is a value for one of the keys.
func example(keys []key, name string) string {
	for _, k := range keys {
		if k.name == name {
			return k.example()
		}
	}
	return ""
}

// checkIncus finds what the engine incus cannot do, or does otherwise.
func (c *Config) checkIncus(r *report, root *node) {
	if !c.Incus() {
		return
	}
	lxc := root.at("lxc")
	if !lxc.at("bridge").given {
		r.add(lxc.at("bridge"), `missing; with engine.kind = "incus" it is the interface by which this machine is in the network of the cluster's containers, as "ip address" shows it: add bridge = "eth1" or the like`)
	}
	if c.LXC.Range.IsZero() && c.LXC.Address != AddressDHCP {
		r.add(lxc.at("range"), `missing; with engine.kind = "incus" it is the addresses that this agent alone gives: add range = "10.0.5.128-10.0.5.159" or the like, apart from those of other agents and from ipv4.dhcp.ranges of the network`)
	}
	if c.LXC.Address == AddressDHCP {
		r.add(lxc.at("address"), `"dhcp" cannot go with engine.kind = "incus": containers have this machine as their gateway, which their DHCP server does not know; leave it out`)
	}
	for _, name := range []string{"path", "backing", "data_copy_limit", "reserve"} {
		if lxc.at(name).given {
			r.add(lxc.at(name), `has no effect with engine.kind = "incus", since it is about containers on this machine; leave it out`)
		}
	}
	for _, b := range c.Bases {
		if at := root.at("base").at(b.Name).at("privileged"); at.given && b.Privileged {
			r.add(at, `with engine.kind = "incus" it is Incus that says who root is, and "incus profile set default security.privileged=true" what makes it root of a member; leave it out`)
		}
	}
}

// badIncus says what is wrong with the address of a cluster.
func badIncus(address string) string {
	const form = `write it like "https://10.0.4.11:8443", or "/var/lib/incus/unix.socket"`
	if filepath.IsAbs(address) {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Sprintf("%q is no address of Incus; %s", address, form)
	}
	return ""
}

func badFile(path string) string {
	if !filepath.IsAbs(path) {
		return fmt.Sprintf("%q is not absolute; begin it with a slash, since the agent's working folder is not certain", path)
	}
	return ""
}

var (
	ownerForm = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)
	// Incus's own rule, in short: no space, slash or quote, and nothing that begins with an underscore.
	projectForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// maxOwner leaves a service's name and a generation's number their place: Incus's names
// of instances end at 63 characters, as host names do.
const maxOwner = 12

func badOwner(owner string) string {
	switch {
	case !ownerForm.MatchString(owner):
		return fmt.Sprintf("%q cannot begin a host name; use lower-case letters, digits and dashes inside it, a letter first", owner)
	case len(owner) > maxOwner:
		return fmt.Sprintf("%q has %d characters; shorten it to %d", owner, len(owner), maxOwner)
	}
	return ""
}

func badProject(project string) string {
	if projectForm.MatchString(project) {
		return ""
	}
	return fmt.Sprintf(`%q is no name of a project; "incus project list" shows them`, project)
}

func badNameserver(address string) string {
	if a, err := netip.ParseAddr(address); err == nil && a.Is4() && unicast(a) {
		return ""
	}
	return fmt.Sprintf(`%q is not the IPv4 address of a machine; write it like "10.0.5.1"`, address)
}
