package config

import "testing"

// What is said where bases and publishes are wrong.
func TestWrongBases(t *testing.T) {
	refuses(t, []wrong{
		{"a base with both a distribution and a template",
			`[service.web]
port = 8080
[base.a]
distribution = "debian:bookworm"
template = "ubuntu"
`,
			"config.toml:5:1: base.a.template: a base has a distribution or a template; leave one out"},
		{"a distribution without its suite",
			`[service.web]
port = 8080
[base.a]
distribution = "debian"
`,
			`config.toml:4:1: base.a.distribution: "debian" is not a distribution and its suite; write it like "debian:bookworm" or "ubuntu:noble"`},
		{"a distribution that is misspelt",
			`[service.web]
port = 8080
[base.a]
distribution = "debain:bookworm"
`,
			`config.toml:4:1: base.a.distribution: "debain:bookworm" is not known; "debian" and "ubuntu" are, others go by a template; did you mean "debian"?`},
		{"a distribution that is not known",
			`[service.web]
port = 8080
[base.a]
distribution = "alpine:edge"
`,
			`config.toml:4:1: base.a.distribution: "alpine:edge" is not known; "debian" and "ubuntu" are, others go by a template`},
		{"a template that is none",
			`[service.web]
port = 8080
[base.a]
template = "../x"
`,
			`config.toml:4:1: base.a.template: "../x" is not a template; give its name, as in "ubuntu", or its absolute path`},
		{"a base of somebody else's without privileges",
			`[service.web]
port = 8080
[base.a]
privileged = false
`,
			"config.toml:4:1: base.a.privileged: a base without distribution and template exists already, and its own configuration says who root is; add one of them or leave privileged out"},
		{"privileged that is neither true nor false",
			`[service.web]
port = 8080
[base.a]
distribution = "debian:bookworm"
privileged = "no"
`,
			"config.toml:5:1: base.a.privileged: must be true or false, not a string"},
		{"arguments without a template",
			`[service.web]
port = 8080
[base.a]
distribution = "debian:bookworm"
args = ["-r"]
`,
			"config.toml:5:1: base.a.args: are for a template; add one or leave them out"},
		{"a mirror without a distribution",
			`[service.web]
port = 8080
[base.a]
mirror = "http://mirror.example/debian"
`,
			"config.toml:4:1: base.a.mirror: is for a distribution; add one or leave it out"},
		{"a mirror that is no address",
			`[service.web]
port = 8080
[base.a]
distribution = "debian:bookworm"
mirror = "mirror.example"
`,
			`config.toml:5:1: base.a.mirror: "mirror.example" is not the address of a package mirror; write it like "http://mirror.example/debian"`},
		{"packages for a base that exists already",
			`[service.web]
port = 8080
[base.a]
packages = ["curl"]
`,
			"config.toml:4:1: base.a.packages: a base without distribution and template exists already and is left as it is; add one of them or leave packages out"},
		{"a package that would be an option",
			`[service.web]
port = 8080
[base.a]
distribution = "debian:bookworm"
packages = ["curl", "--force"]
`,
			`config.toml:5:21: base.a.packages[1]: "--force" is not the name of a package: lower-case letters, digits and + . - only`},
		{"a command that is empty",
			`[service.web]
port = 8080
[base.a]
template = "ubuntu"
run = ["true", ""]
`,
			"config.toml:5:16: base.a.run[1]: is empty; give a command or take it out"},
		{"a name of a base like a generation's",
			`[service.web]
port = 8080
[base.a-1]
`,
			`config.toml:3:7: base.a-1: the name looks like a generation of "a"; end it without a dash and a number`},
		{"a name that containers of ours have",
			`[service.jarloop-produce]
port = 8080
`,
			`config.toml:1:10: service.jarloop-produce: the name is that of containers in which archives of classes are made; choose another`},
		{"a publish of an unknown service",
			`[service.web]
port = 8080
[[publish]]
interface = "eth0"
port = 80
service = "wbe"
`,
			`config.toml:6:1: publish[0].service: no service is called "wbe"; did you mean "web"?`},
		{"a publish with nothing in it",
			`[service.web]
port = 8080
[[publish]]
`,
			`config.toml:3:3: publish[0].port: missing; add port = 8080, the port of the VM
config.toml:3:3: publish[0].service: missing; add service = "web", the service that the port is forwarded to`},
		{"a publish at an impossible port",
			`[service.web]
port = 8080
[[publish]]
interface = "eth0"
port = 0
service = "web"
`,
			"config.toml:5:1: publish[0].port: 0 is not a port; give 1 to 65535"},
		{"an interface that cannot be",
			`[service.web]
port = 8080
[[publish]]
interface = "eth0/1"
port = 80
service = "web"
`,
			`config.toml:4:1: publish[0].interface: "eth0/1" is not the name of an interface; "ip link" lists the interfaces`},
		{"an interface that iptables would take for a pattern",
			`[service.web]
port = 8080
[[publish]]
interface = "eth+"
port = 80
service = "web"
`,
			`config.toml:4:1: publish[0].interface: "eth+" is not the name of an interface; "ip link" lists the interfaces`},
		{"two services at one port",
			`[service.web]
port = 8080
[service.b]
port = 1
[[publish]]
interface = "eth0"
port = 80
service = "web"
[[publish]]
interface = "eth1"
port = 80
service = "b"
`,
			`config.toml:11:1: publish[1].port: 80 is published on line 5 already, for "web"; choose another port or leave one out`},
		{"a publish by an unknown protocol",
			`[service.web]
port = 8080
[[publish]]
port = 80
protocol = "UDP"
service = "web"
`,
			`config.toml:5:1: publish[0].protocol: "UDP" is none of "tcp" and "udp"; did you mean "udp"?`},
		{"a publish to an impossible port",
			`[service.web]
port = 8080
[[publish]]
port = 80
service = "web"
to = 70000
`,
			"config.toml:6:1: publish[0].to: 70000 is not a port; give 1 to 65535, or leave it out"},
		{"one port published as two",
			`[service.web]
port = 8080
[[publish]]
port = 80
service = "web"
[[publish]]
interface = "eth1"
port = 80
service = "web"
to = 8081
`,
			`config.toml:8:1: publish[1].port: 80 is published on line 3 already, for "web"; choose another port or leave one out`},
		{"one publish twice",
			`[service.web]
port = 8080
[[publish]]
interface = "eth0"
port = 80
service = "web"
[[publish]]
interface = "eth0"
port = 80
service = "web"
`,
			`config.toml:9:1: publish[1].port: 80 is published on line 3 already, for "web"; choose another port or leave one out`},
	})
}
