package config

import "testing"

// What is said where folders, watching, containers and logs are wrong.
func TestWrongMachine(t *testing.T) {
	refuses(t, []wrong{
		{"a shared folder that is relative",
			`[watch]
dir = "host"
[service.web]
port = 8080
`,
			`config.toml:2:1: watch.dir: "host" is not absolute; begin it with a slash, since the agent's working folder is not certain`},
		{"a shared folder that is everything",
			`[watch]
dir = "/"
[service.web]
port = 8080
`,
			"config.toml:2:1: watch.dir: must not be /; give a folder of its own"},
		{"a shared folder that is empty",
			`[watch]
dir = ""
[service.web]
port = 8080
`,
			`config.toml:2:1: watch.dir: "" is not absolute; begin it with a slash, since the agent's working folder is not certain`},
		{"a state folder that is relative",
			`state = "state"
[service.web]
port = 8080
`,
			`config.toml:1:1: state: "state" is not absolute; begin it with a slash, since the agent's working folder is not certain`},
		{"a state folder in the shared folder",
			`state = "/host/.jarloop"
[service.web]
port = 8080
`,
			`config.toml:1:1: state: "/host/.jarloop" lies in the shared folder "/host", which others write; choose a folder elsewhere`},
		{"a folder with a colon",
			`[lxc]
path = "/var/lib/lxc:1"
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.path: "/var/lib/lxc:1" contains a space, quote, colon, comma or backslash, which the options of mounts cannot carry; rename it`},
		{"a run folder that is too long for a socket",
			`run = "/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
[service.web]
port = 8080
`,
			"config.toml:1:1: run: is too long for the path of a unix socket; keep it to 94 bytes"},
		{"an unknown mode",
			`[watch]
mode = "inotfy"
[service.web]
port = 8080
`,
			`config.toml:2:1: watch.mode: "inotfy" is none of "auto", "inotify" and "poll"; did you mean "inotify"?`},
		{"a poll that would busy the machine",
			`[watch]
poll = "1ms"
[service.web]
port = 8080
`,
			"config.toml:2:1: watch.poll: 1ms is out of range; give 10ms to 1m"},
		{"a settle that is negative",
			`[watch]
settle = "-50ms"
[service.web]
port = 8080
`,
			"config.toml:2:1: watch.settle: -50ms is out of range; give 0s to 10m"},
		{"an unknown backing",
			`[lxc]
backing = "lvm"
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.backing: "lvm" is none of "auto", "overlay", "btrfs" and "dir"`},
		{"an unknown way to give addresses",
			`[lxc]
address = "DHCP"
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.address: "DHCP" is none of "static" and "dhcp"; did you mean "dhcp"?`},
		{"an unknown way of names",
			`[lxc]
names = "dns"
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.names: "dns" is none of "vip" and "hosts"`},
		{"virtual IPs where others give the addresses",
			`[lxc]
address = "dhcp"
names = "vip"
[service.web]
port = 8080
`,
			`config.toml:3:1: lxc.names: "vip" needs addresses that the agent gives; leave it out with address = "dhcp", or make that "static"`},
		{"a bridge whose name is too long",
			`[lxc]
bridge = "a-very-long-bridge"
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.bridge: "a-very-long-bridge" is longer than the 15 characters that an interface's name can have; "ip link" lists the bridges`},
		{"a range of one address",
			`[lxc]
range = "10.0.3.128"
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.range: "10.0.3.128" is not two addresses with a dash between; write it like "10.0.3.128-10.0.3.253"`},
		{"a range of something else",
			`[lxc]
range = "10.0.3.128-253"
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.range: "253" is not an IPv4 address; write it like "10.0.3.128-10.0.3.253"`},
		{"a range of IPv6",
			`[lxc]
range = "fd00::1-fd00::9"
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.range: "fd00::1" is not an IPv4 address; write it like "10.0.3.128-10.0.3.253"`},
		{"a range that is empty",
			`[lxc]
range = ""
[service.web]
port = 8080
`,
			`config.toml:2:1: lxc.range: "" is not two addresses with a dash between; write it like "10.0.3.128-10.0.3.253"`},
		{"a range that is the wrong way round",
			`[lxc]
range = "10.0.3.253-10.0.3.128"
[service.web]
port = 8080
`,
			"config.toml:2:1: lxc.range: 10.0.3.253-10.0.3.128 ends before it begins; write 10.0.3.128-10.0.3.253"},
		{"a range of loopback addresses",
			`[lxc]
range = "127.0.0.1-127.0.0.9"
[service.web]
port = 8080
`,
			"config.toml:2:1: lxc.range: 127.0.0.1-127.0.0.9 are not addresses that a container can have; choose some in the bridge's subnet"},
		{"a range that nobody uses",
			`[lxc]
address = "dhcp"
range = "10.0.3.128-10.0.3.253"
[service.web]
port = 8080
`,
			`config.toml:3:1: lxc.range: has no effect with address = "dhcp"; leave one of the two out`},
		{"logs that keep nothing",
			`[logs]
keep = "1KiB"
[service.web]
port = 8080
`,
			"config.toml:2:1: logs.keep: 1KiB is out of range; give 64KiB to 1024GiB"},
		{"no set to be kept",
			`[watch]
keep = 0
[service.web]
port = 8080
`,
			"config.toml:2:1: watch.keep: 0 is out of range; give 1 to 1000"},
		{"a negative number of generations",
			`[logs]
generations = -1
[service.web]
port = 8080
`,
			"config.toml:2:1: logs.generations: -1 is out of range; give 0 to 1000"},
	})
}
