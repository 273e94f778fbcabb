package config

import "net/netip"

// LXC says where containers live, how they are made and how they are reached.
type LXC struct {
	// Where containers live; lxc-ls -P takes the same.
	Path string
	// How clones are made. auto takes the fastest that this folder's filesystem has; dir
	// copies everything, and works everywhere.
	Backing string
	// The bridge that containers are attached to; with engine.kind = "incus" this machine's
	// interface in their network.
	Bridge string
	// Who gives addresses to containers: static is the agent, and nobody waits for a
	// lease; dhcp is for bridges that are run by others.
	Address string
	// The addresses to give. Keep it apart from the range of the bridge's DHCP server.
	// Default: the upper half of the bridge's subnet; with engine.kind = "incus" none.
	Range Range
	// Whether a service's name leads to a virtual IP of its own that never changes
	// (vip), or straight to the live generation's address (hosts). With hosts, a service
	// sees the address of who calls it, and callers have to look its name up again after
	// a deploy (reload_command). Default: vip; hosts with address = "dhcp".
	Names string
	// Whether the next generation of each service is booted ahead of time. A deploy is
	// then a copy and a start of the JVM, for about 25 MiB of memory a service.
	Standby bool
	// Whether the container of the newest failed deploy of each service is kept, without
	// the service itself, until the next deploy has ended. jarloop enter SERVICE
	// --failed looks inside.
	KeepFailed bool
	// Memory that standbys leave free. Where less is available, containers of failed
	// deploys are removed, and then the services that have not changed for longest go
	// without a standby.
	Reserve Size
	// How much of a service's data is copied before a deploy that stops the old
	// container first, where the disk of path cannot share what is the same (btrfs and
	// xfs can, and copy nothing). With more, nothing is deployed.
	DataCopyLimit Size
	// How much disk the libraries and archives of classes may take that services are
	// started fast with. The oldest that no container runs with go first.
	SharedLimit Size
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
		{name: "path", to: &l.Path, preset: `"/var/lib/lxc"`, wrong: badFolder, change: restart},
		{name: "backing", to: &l.Backing, preset: `"auto"`, change: restart,
			values: []string{BackingAuto, BackingOverlay, BackingBtrfs, BackingDir},
			gone:   map[string]string{"zfs": `is not supported; use "auto", "overlay", "btrfs" or "dir"`}},
		{name: "bridge", to: &l.Bridge, preset: `"lxcbr0"`, wrong: device("bridges"), change: restart},
		{name: "address", to: &l.Address, preset: `"static"`, values: []string{AddressStatic, AddressDHCP}, change: restart},
		{name: "range", to: &l.Range, like: `"10.0.3.128-10.0.3.253"`, change: restart},
		{name: "names", to: &l.Names, like: `"vip"`, values: []string{NamesVIP, NamesHosts}, change: restart,
			was: "wiring", gone: map[string]string{"stable": `is called "vip" now`}},
		{name: "standby", to: &l.Standby, preset: "true", change: restart},
		{name: "keep_failed", to: &l.KeepFailed, preset: "true", change: restart},
		{name: "reserve", to: &l.Reserve, preset: `"256MiB"`, limits: "0MiB to 1024GiB", change: restart},
		{name: "data_copy_limit", to: &l.DataCopyLimit, preset: `"1GiB"`, limits: "0MiB to 1024GiB", change: restart},
		{name: "shared_limit", to: &l.SharedLimit, preset: `"4GiB"`, limits: "0MiB to 1024GiB", change: restart},
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
