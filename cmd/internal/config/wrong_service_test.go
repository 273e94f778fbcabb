package config

import "testing"

// What is said where a service's name, port, needs or base is wrong.
func TestWrongServices(t *testing.T) {
	refuses(t, []wrong{
		{"a port that is zero",
			`[service.web]
port = 0
`,
			"config.toml:2:1: service.web.port: 0 is not a port; give 1 to 65535, or leave it out"},
		{"a port that is too large",
			`[service.web]
port = 65536
`,
			"config.toml:2:1: service.web.port: 65536 is not a port; give 1 to 65535, or leave it out"},
		{"a need that nobody has, near to one that somebody has",
			`[service.web]
port = 8080
needs = [
  "persn",
]
[service.person]
port = 1
`,
			`config.toml:4:3: service.web.needs[0]: no service is called "persn"; did you mean "person"?`},
		{"a need that nobody has",
			`[service.web]
port = 8080
needs = ["database"]
`,
			`config.toml:3:10: service.web.needs[0]: no service is called "database"; add [service.NAME], or [external.NAME] for what is outside, or take it out`},
		{"a need of itself",
			`[service.web]
port = 8080
needs = ["web"]
`,
			"config.toml:3:10: service.web.needs[0]: web needs itself; take it out, or write it in knows"},
		{"a need that is given twice",
			`[service.a]
port = 1
needs = ["b", "b"]
[service.b]
port = 2
`,
			`config.toml:3:15: service.a.needs[1]: "b" is in the list twice; take one out`},
		{"a name that nobody has",
			`[service.web]
port = 8080
knows = ["web", "pyments"]
[external.payments]
address = "10.0.2.2:9000"
`,
			`config.toml:3:17: service.web.knows[1]: no service is called "pyments"; did you mean "payments"?`},
		{"a name that is known twice",
			`[service.web]
port = 8080
knows = ["web", "web"]
`,
			`config.toml:3:17: service.web.knows[1]: "web" is in the list twice; take one out`},
		{"an external without an address",
			`[service.web]
port = 8080
[external.payments]
`,
			`config.toml:3:11: external.payments.address: missing; add address = "10.0.2.2:9000", where the name leads`},
		{"an external that is called like a service",
			`[service.web]
port = 8080
[external.web]
address = "10.0.2.2:9000"
`,
			`config.toml:3:11: external.web: a service is called "web", too; rename one`},
		{"an external that is no host name",
			`[service.web]
port = 8080
[external.Payments]
address = "10.0.2.2:9000"
`,
			"config.toml:3:11: external.Payments: the name cannot be a host name; use lower-case letters, digits and dashes inside it"},
		{"an external without a port",
			`[service.web]
port = 8080
[external.payments]
address = "http://payments.example/"
`,
			`config.toml:4:1: external.payments.address: "http://payments.example/" is not a host and a port; write it like "10.0.2.2:9000"`},
		{"an external of IPv6",
			`[service.web]
port = 8080
[external.payments]
address = "[fe80::1]:9000"
`,
			`config.toml:4:1: external.payments.address: "fe80::1" is no address of IPv4, which is all that containers have here`},
		{"an external that is everybody",
			`[service.web]
port = 8080
[external.payments]
address = "0.0.0.0:9000"
`,
			`config.toml:4:1: external.payments.address: "0.0.0.0" is not the address of a machine`},
		{"an external at something else",
			`[service.web]
port = 8080
[external.payments]
address = "10.0.2:9000"
`,
			`config.toml:4:1: external.payments.address: "10.0.2" is neither an address nor the name of a host`},
		{"an external on the loopback, where names are addresses",
			`[lxc]
names = "hosts"
[service.web]
port = 8080
[external.payments]
address = "127.0.0.1:9000"
`,
			`config.toml:6:1: external.payments.address: with lxc.names = "hosts" each container would ask itself at 127.0.0.1; give the address of the bridge, and have the program listen there`},
		{"needs in a circle of two",
			`[service.a]
port = 1
needs = ["b"]
[service.b]
port = 2
needs = ["a"]
`,
			"config.toml:6:10: service.b.needs[0]: none can be started first: a → b → a; take one of these needs out, or write it in knows"},
		{"needs in a circle of three, entered from outside",
			`[service.x]
port = 1
needs = ["a"]
[service.a]
port = 1
needs = ["b"]
[service.b]
port = 2
needs = ["c"]
[service.c]
port = 3
needs = ["x2", "a"]
[service.x2]
port = 4
`,
			"config.toml:12:16: service.c.needs[1]: none can be started first: a → b → c → a; take one of these needs out, or write it in knows"},
		{"a name with a capital letter",
			`[service.Web]
port = 1
`,
			"config.toml:1:10: service.Web: the name cannot be a host name; use lower-case letters, digits and dashes inside it"},
		{"a name with a dot",
			`[service."web.local"]
port = 1
`,
			`config.toml:1:10: service."web.local": the name cannot be a host name; use lower-case letters, digits and dashes inside it`},
		{"a name with a dash at its end",
			`[service.web-]
port = 1
`,
			"config.toml:1:10: service.web-: the name cannot be a host name; use lower-case letters, digits and dashes inside it"},
		{"a name that is too long",
			`[service.abcdefghijklmnopqrstuvwxyzabcdefghijklmno]
port = 1
`,
			"config.toml:1:10: service.abcdefghijklmnopqrstuvwxyzabcdefghijklmno: the name has 41 characters; shorten it to 40"},
		{"a name like a generation's",
			`[service.web-3]
port = 1
`,
			`config.toml:1:10: service.web-3: the name looks like a generation of "web"; end it without a dash and a number`},
		{"a name that is a number",
			`[service.10]
port = 1
`,
			"config.toml:1:10: service.10: the name would be read as an address; begin it with a letter"},
		{"a name that every hosts file has",
			`[service.localhost]
port = 1
`,
			"config.toml:1:10: service.localhost: the name means something else in every hosts file; choose another"},
		{"an empty name",
			`[service.""]
port = 1
`,
			`config.toml:1:10: service."": the name cannot be a host name; use lower-case letters, digits and dashes inside it`},
		{"a base that is misspelt",
			`[service.web]
port = 8080
base = "web-bsae"
[base.web-base]
[base.other]
`,
			`config.toml:3:1: service.web.base: no base is called "web-bsae"; did you mean "web-base"?`},
		{"keys of other tools",
			`[service.web]
port = 8080
command = "java -jar web.jar"
environment = { A = "b" }
depends_on = ["db"]
java = 21
volumes = ["/data"]
[service.db]
port = 5432
healthcheck = { path = "/" }
`,
			`config.toml:3:1: service.web.command: unknown key; did you mean "exec"?
config.toml:4:1: service.web.environment: unknown key; did you mean "env"?
config.toml:5:1: service.web.depends_on: unknown key; did you mean "needs"?
config.toml:6:1: service.web.java: unknown key; did you mean "base"?
config.toml:7:1: service.web.volumes: unknown key; did you mean "data"?
config.toml:10:1: service.db.healthcheck: unknown key; did you mean "health"?`},
		{"a base that is not there",
			`[service.web]
port = 8080
base = "alpine"
`,
			`config.toml:3:1: service.web.base: no base is called "alpine"; add [base.NAME], with nothing in it if the container exists already`},
		{"a default base that is not written where two others are",
			`[service.web]
port = 8080
[base.one]
[base.two]
`,
			`config.toml:1:10: service.web.base: missing, and there are several; add one of base = "one" or "two"`},
		{"a command that is empty",
			`[service.web]
port = 8080
exec = " "
`,
			"config.toml:3:1: service.web.exec: is empty; give a command, or leave it out for java -jar and the one JAR"},
		{"a reload command that is empty",
			`[service.web]
port = 8080
reload_command = ""
`,
			"config.toml:3:1: service.web.reload_command: is empty; give a command, or leave it out"},
	})
}
