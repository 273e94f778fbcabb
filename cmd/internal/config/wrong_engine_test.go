package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
)

const (
	onCluster = "[engine]\nkind = \"incus\"\naddress = \"/var/lib/incus/unix.socket\"\nowner = \"anna\"\n[lxc]\nbridge = \"eth1\"\nrange = \"10.0.5.8-10.0.5.9\"\n"
	oneWeb    = "[service.web]\nport = 8080\n"
)

// What is said where the engine is wrong.
func TestWrongEngine(t *testing.T) {
	engine := func(keys string) string {
		return "[engine]\n" + keys + "\n[lxc]\nbridge = \"eth1\"\nrange = \"10.0.5.8-10.0.5.9\"\n" + oneWeb
	}
	refuses(t, []wrong{
		{"an unknown kind", engine(`kind = "incuss"`),
			`config.toml:2:1: engine.kind: "incuss" is none of "lxc" and "incus"; did you mean "incus"?`},
		{"a key that is for a cluster", engine(`owner = "anna"`),
			`config.toml:2:1: engine.owner: has no effect with kind = "lxc"; add kind = "incus", or leave it out`},
		{"a cluster that is nowhere, and nobody's", engine(`kind = "incus"`),
			`config.toml:1:2: engine.address: missing; add address = "https://10.0.4.11:8443", where a member of the cluster answers` + "\n" +
				`config.toml:1:2: engine.owner: missing; add owner = "anna", with which the names of this agent's containers begin`},
		{"a cluster that nobody is let into", engine("kind = \"incus\"\nowner = \"anna\"\naddress = \"https://10.0.4.11:8443\""),
			`config.toml:1:2: engine.certificate: missing; add certificate = "/etc/jarloop/client.crt", the client certificate that the cluster trusts` + "\n" +
				`config.toml:1:2: engine.key: missing; add key = "/etc/jarloop/client.key", that certificate's key`},
		{"an address without a scheme", engine("kind = \"incus\"\nowner = \"anna\"\naddress = \"10.0.4.11:8443\""),
			`config.toml:4:1: engine.address: "10.0.4.11:8443" is no address of Incus; write it like "https://10.0.4.11:8443", or "/var/lib/incus/unix.socket"`},
		{"an address with a path", engine("kind = \"incus\"\nowner = \"anna\"\naddress = \"https://10.0.4.11:8443/1.0\""),
			`config.toml:4:1: engine.address: "https://10.0.4.11:8443/1.0" is no address of Incus; write it like "https://10.0.4.11:8443", or "/var/lib/incus/unix.socket"`},
		{"a certificate for a socket", engine("kind = \"incus\"\nowner = \"anna\"\naddress = \"/var/lib/incus/unix.socket\"\ncertificate = \"/etc/jarloop/client.crt\""),
			"config.toml:5:1: engine.certificate: is for https, and address is a unix socket; leave one of the two out"},
		{"a certificate that is relative", engine("kind = \"incus\"\nowner = \"anna\"\naddress = \"https://m1:8443\"\nkey = \"/k\"\ncertificate = \"client.crt\""),
			`config.toml:6:1: engine.certificate: "client.crt" is not absolute; begin it with a slash, since the agent's working folder is not certain`},
		{"an owner that is no name", engine("kind = \"incus\"\naddress = \"/s\"\nowner = \"Anna\""),
			`config.toml:4:1: engine.owner: "Anna" cannot begin a host name; use lower-case letters, digits and dashes inside it, a letter first`},
		{"an owner that is too long", engine("kind = \"incus\"\naddress = \"/s\"\nowner = \"anna-from-accounting\""),
			`config.toml:4:1: engine.owner: "anna-from-accounting" has 20 characters; shorten it to 12`},
		{"a project that is no name", engine("kind = \"incus\"\naddress = \"/s\"\nowner = \"anna\"\nproject = \"a b\""),
			`config.toml:5:1: engine.project: "a b" is no name of a project; "incus project list" shows them`},
		{"a pool without a name", engine("kind = \"incus\"\naddress = \"/s\"\nowner = \"anna\"\npool = \"\""),
			"config.toml:5:1: engine.pool: is empty; give the name of a storage pool"},
		{"a name server by name", engine("kind = \"incus\"\naddress = \"/s\"\nowner = \"anna\"\nnameserver = \"dns\""),
			`config.toml:5:1: engine.nameserver: "dns" is not the IPv4 address of a machine; write it like "10.0.5.1"`},
	})
}

// What is said of keys that cannot go with a cluster.
func TestWrongWithIncus(t *testing.T) {
	refuses(t, []wrong{
		{"no interface", "[engine]\nkind = \"incus\"\naddress = \"/s\"\nowner = \"anna\"\n[lxc]\nrange = \"10.0.5.8-10.0.5.9\"\n" + oneWeb,
			`config.toml:5:2: lxc.bridge: missing; with engine.kind = "incus" it is the interface by which this machine is in the network of the cluster's containers, as "ip address" shows it: add bridge = "eth1" or the like`},
		{"addresses that anybody gives", "[engine]\nkind = \"incus\"\naddress = \"/s\"\nowner = \"anna\"\n[lxc]\nbridge = \"eth1\"\n" + oneWeb,
			`config.toml:5:2: lxc.range: missing; with engine.kind = "incus" it is the addresses that this agent alone gives: add range = "10.0.5.128-10.0.5.159" or the like, apart from those of other agents and from ipv4.dhcp.ranges of the network`},
		{"addresses of others", strings.Replace(onCluster, "range = \"10.0.5.8-10.0.5.9\"\n", "", 1) + "address = \"dhcp\"\n" + oneWeb,
			`config.toml:7:1: lxc.address: "dhcp" cannot go with engine.kind = "incus": containers have this machine as their gateway, which their DHCP server does not know; leave it out`},
		{"a folder of containers", onCluster + "path = \"/srv/lxc\"\nbacking = \"btrfs\"\n" + oneWeb,
			`config.toml:8:1: lxc.path: has no effect with engine.kind = "incus", since it is about containers on this machine; leave it out` + "\n" +
				`config.toml:9:1: lxc.backing: has no effect with engine.kind = "incus", since it is about containers on this machine; leave it out`},
		{"memory that is left free", onCluster + "reserve = \"1GiB\"\n" + oneWeb,
			`config.toml:8:1: lxc.reserve: has no effect with engine.kind = "incus", since it is about containers on this machine; leave it out`},
		{"a base whose root is a member's", onCluster + oneWeb + "[base.java]\ndistribution = \"debian:bookworm\"\nprivileged = true\n",
			`config.toml:12:1: base.java.privileged: with engine.kind = "incus" it is Incus that says who root is, and "incus profile set default security.privileged=true" what makes it root of a member; leave it out`},
	})
}

// What is said of ports of members.
func TestWrongPortsOfMembers(t *testing.T) {
	publish := func(port, members string) string {
		return "[[publish]]\nport = " + port + "\nservice = \"web\"\n" + members + "\n"
	}
	refuses(t, []wrong{
		{"members without a cluster", oneWeb + publish("80", "members = 8081"),
			`config.toml:6:1: publish[0].members: has no effect with engine.kind = "lxc", where this machine is the only one; leave it out`},
		{"one port twice", onCluster + oneWeb + publish("80", "members = 8081") + publish("81", "members = 8081\nto = 9000"),
			`config.toml:17:1: publish[1].members: 8081 is opened on the members by line 10 already, for "web"; choose another port or leave one out`},
		{"no port", onCluster + oneWeb + publish("80", "members = 0"),
			`config.toml:13:1: publish[0].members: 0 is not a port; give 1 to 65535, or leave it out`},
	})
	c := parse(t, onCluster+oneWeb+publish("80", "members = 8081")+publish("81", "")+publish("53", "members = 8081\nprotocol = \"udp\""))
	want := []deployer.MemberPort{{Port: 8081, Protocol: "tcp", To: 80}, {Port: 8081, Protocol: "udp", To: 53}}
	if diff := cmp.Diff(want, c.MemberPorts()); diff != "" {
		t.Error(diff)
	}
}

func TestAClusterHasTheSameBases(t *testing.T) {
	c := parse(t, onCluster+oneWeb)
	if !c.Incus() || c.Engine.Address != "/var/lib/incus/unix.socket" || c.Engine.TLS() || c.Engine.Project != "default" || c.Engine.Pool != "default" {
		t.Errorf("the engine is %+v", c.Engine)
	}
	if len(c.Bases) != 1 || c.Bases[0].Name != "service-base" || c.Bases[0].Exists() || !c.Bases[0].BuiltIn {
		t.Errorf("its bases are %+v", c.Bases)
	}
	if c := parse(t, onCluster+oneWeb+"base = \"hand\"\n[base.java]\ndistribution = \"debian:bookworm\"\nprivileged = false\n[base.hand]\n"); len(c.Bases) != 2 || c.Bases[0].Exists() || !c.Bases[1].Exists() || c.Bases[1].BuiltIn {
		t.Errorf("the bases that are written are %+v", c.Bases)
	}
	if !c.FastStart || !c.Services[0].FastStart {
		t.Error("its services are not started faster")
	}
	if c := parse(t, oneWeb); c.Incus() || c.Engine.Kind != EngineLXC || !c.FastStart || c.Bases[0].Exists() {
		t.Errorf("without the table it is %+v", c)
	}
}
