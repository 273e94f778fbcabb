package config

import "net/netip"

// LXC says where containers live and how they are made.
type LXC struct {
	Path       string
	Backing    string // one of the Backing… values
	Bridge     string
	Address    string // AddressStatic or AddressDHCP
	Range      Range  // the zero Range: to be derived from the bridge's subnet
	Names      string // NamesVIP or NamesHosts
	Standby    bool
	Reserve    Size
	KeepFailed bool
}

// The values of LXC.Backing.
const (
	BackingAuto    = "auto"
	BackingOverlay = "overlay"
	BackingBtrfs   = "btrfs"
	BackingDir     = "dir"
)

// The values of LXC.Address.
const (
	AddressStatic = "static"
	AddressDHCP   = "dhcp"
)

// The values of LXC.Names.
const (
	NamesVIP   = "vip"   // a name leads to a virtual IP, which is routed to what is live
	NamesHosts = "hosts" // a name leads to the live generation's own address
)

func (l *LXC) keys() []key {
	return []key{
		{name: "path", to: &l.Path, preset: `"/var/lib/lxc"`, change: restart,
			doc: "where containers live; lxc-ls -P takes the same"},
		{name: "backing", to: &l.Backing, preset: `"auto"`, change: restart,
			values: []string{BackingAuto, BackingOverlay, BackingBtrfs, BackingDir},
			gone:   map[string]string{"zfs": `is not supported; use "auto", "overlay", "btrfs" or "dir"`},
			doc: "how clones are made. auto takes the fastest that this folder's filesystem has; dir copies " +
				"everything, and works everywhere"},
		{name: "bridge", to: &l.Bridge, preset: `"lxcbr0"`, change: restart,
			wrong: device("bridges"),
			doc:   "the bridge that containers are attached to"},
		{name: "address", to: &l.Address, preset: `"static"`, values: []string{AddressStatic, AddressDHCP}, change: restart,
			doc: "who gives addresses to containers. static: the agent, and nobody waits for a lease; dhcp is for bridges " +
				"that are run by others"},
		{name: "range", to: &l.Range, like: `"10.0.3.128-10.0.3.253"`, usual: "the upper half of the bridge's subnet", change: restart,
			doc: "the addresses to give. Keep it apart from the range of the bridge's DHCP server"},
		{name: "names", to: &l.Names, like: `"vip"`, usual: `"vip"; with address = "dhcp" it is "hosts"`, change: restart,
			values: []string{NamesVIP, NamesHosts}, was: "wiring", gone: map[string]string{"stable": `is called "vip" now`},
			doc: "whether a service's name leads to a virtual IP of its own that never changes, or straight to the live " +
				"generation's address. With hosts, services see the address of who calls them, and callers have to look the " +
				"name up again after a deploy (reload_command)"},
		{name: "standby", to: &l.Standby, preset: "true", change: restart,
			doc: "whether the next generation of each service is booted ahead of time. A deploy is then a copy and a start " +
				"of the JVM, for about 25 MiB of memory a service"},
		{name: "reserve", to: &l.Reserve, preset: `"256MiB"`, limits: "0MiB to 1024GiB", change: restart,
			doc: "memory that standbys leave free. Where less is available, containers of failed deploys are removed, and " +
				"then the services that have not changed for longest go without a standby"},
		{name: "keep_failed", to: &l.KeepFailed, preset: "true", change: restart,
			doc: "whether the container of the newest failed deploy of each service is kept, without the service itself, " +
				"until the next deploy has ended. jarloop enter SERVICE --failed looks inside"},
	}
}

func (l *LXC) check(r *report, n *node) {
	if l.Names == NamesVIP && l.Address == AddressDHCP {
		r.add(n.at("names"), `"vip" needs addresses that the agent gives; leave it out with address = "dhcp", or make that "static"`)
	}
	switch span, at := l.Range, n.at("range"); {
	case span.IsZero():
		return
	case span.Last.Less(span.First):
		r.add(at, "%s ends before it begins; write %s-%s", span, span.Last, span.First)
	case !unicast(span.First) || !unicast(span.Last):
		r.add(at, "%s are not addresses that a container can have; choose some in the bridge's subnet", span)
	case l.Address == AddressDHCP:
		r.add(at, `has no effect with address = "dhcp"; leave one of the two out`)
	}
}

// unicast says whether one host can have the address.
func unicast(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a.As4()[0] != 0 && a.As4()[0] < 224
}
