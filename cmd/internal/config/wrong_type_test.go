package config

import "testing"

// What is said where keys and types are wrong.
func TestWrongTypes(t *testing.T) {
	serviceKeys := listed(names(new(Service).keys()), "and")
	refuses(t, []wrong{
		{"an unknown key with a near name",
			`[service.frontend]
port = 8080
prot = 1
`,
			`config.toml:3:1: service.frontend.prot: unknown key; did you mean "port"?`},
		{"an unknown key with letters missing",
			`[service.web]
port = 8080
reloadcommand = "x"
`,
			`config.toml:3:1: service.web.reloadcommand: unknown key; did you mean "reload_command"?`},
		{"an unknown key that is right but for its case",
			`[service.web]
Port = 8080
`,
			`config.toml:2:1: service.web.Port: unknown key; did you mean "port"?`},
		{"an unknown key that is like none",
			`[watch]
colour = "red"
[service.web]
port = 8080
`,
			"config.toml:2:1: watch.colour: unknown key; known here: dir, mode, poll, settle, keep and together"},
		{"a key in the wrong table",
			`[watch]
bridge = "br0"
[service.web]
port = 8080
`,
			`config.toml:2:1: watch.bridge: unknown key here; "bridge" belongs in a table like [lxc]`},
		{"a key of the top below a table",
			`[watch]
dir = "/host"
state = "/srv"
[service.web]
port = 8080
`,
			`config.toml:3:1: watch.state: unknown key here; "state" belongs at the top of the file, above the first [table]`},
		{"a key of a service at the top",
			`port = 8080
`,
			`config.toml:1:1: port: unknown key here; "port" belongs in a table like [service.frontend]`},
		{"an unknown table",
			`[services.web]
port = 8080
`,
			`config.toml:1:2: services: unknown key; did you mean "service"?`},
		{"an unknown key inside braces",
			`[service.web]
port = 8080
health = { paht = "/" }
`,
			`config.toml:3:12: service.web.health.paht: unknown key; did you mean "path"?`},
		{"an unknown key deep below another",
			`[service.web]
port = 8080
a.b.c.d.e.f.g.h = 1
`,
			"config.toml:3:1: service.web.a: unknown key; known here: " + serviceKeys},
		{"a name that needs quotes is quoted",
			`[service.web]
port = 8080
"a b" = 1
`,
			`config.toml:3:1: service.web."a b": unknown key; known here: ` + serviceKeys},
		{"a port in quotes",
			`[service.web]
port = "x"
`,
			"config.toml:2:1: service.web.port: must be a whole number like 8080, not a string"},
		{"a port with a fraction",
			`[service.web]
port = 80.5
`,
			"config.toml:2:1: service.web.port: must be a whole number like 8080, not a fraction"},
		{"one need without a list",
			`[service.web]
port = 8080
needs = "person"
`,
			`config.toml:3:1: service.web.needs: must be a list of strings like ["person"], not a string`},
		{"a need that is a number",
			`[service.web]
port = 8080
needs = [
  "web2",
  3,
]
`,
			`config.toml:4:3: service.web.needs[0]: no service is called "web2"; did you mean "web"?
config.toml:5:3: service.web.needs[1]: must be a string like "person", not a whole number`},
		{"a health path without braces",
			`[service.web]
port = 8080
health = "/health"
`,
			`config.toml:3:1: service.web.health: must be a table like { path = "/", timeout = "60s" }, not a string`},
		{"a duration that is a number",
			`[watch]
poll = 100
[service.web]
port = 8080
`,
			`config.toml:2:1: watch.poll: must be a string like "10s", not a whole number`},
		{"a duration without its unit",
			`[watch]
poll = "100"
[service.web]
port = 8080
`,
			`config.toml:2:1: watch.poll: "100" is not a duration; write it like "10s"`},
		{"a size in a unit that is none",
			`[logs]
keep = "16 megabytes"
[service.web]
port = 8080
`,
			`config.toml:2:1: logs.keep: "16 megabytes" is not a size; write it like "16MiB"`},
		{"a truth value in quotes",
			`[lxc]
standby = "yes"
[service.web]
port = 8080
`,
			"config.toml:2:1: lxc.standby: must be true or false, not a string"},
		{"a date where text belongs",
			`[watch]
dir = 2020-01-01
[service.web]
port = 8080
`,
			`config.toml:2:1: watch.dir: must be a string like "/host", not a date or time`},
		{"a list where text belongs",
			`[service.web]
port = 8080
exec = ["java", "-jar"]
`,
			`config.toml:3:1: service.web.exec: must be a string like "java -jar /frontend/FrontendApplication.jar", not a list`},
		{"one publish without a list",
			`[service.web]
port = 8080
[publish]
port = 80
`,
			"config.toml:3:2: publish: must be a list of tables like [[publish]], not a table"},
		{"a list of services",
			`[[service]]
name = "web"
`,
			"config.toml:1:3: service: must be a table like [service.frontend], not a list"},
		{"a list of one service",
			`[[service.web]]
port = 8080
`,
			"config.toml:1:11: service.web: must be a table like [service.frontend], not a list"},
		{"a value where a service belongs",
			`[service]
port = 8080
`,
			"config.toml:2:1: service.port: must be a table like [service.frontend], not a whole number"},
		{"a command of two lines",
			`[service.web]
port = 8080
exec = '''
java -jar
x.jar'''
`,
			`config.toml:3:1: service.web.exec: must be one line; inside """ a line that ends in \ goes on in the next`},
		{"an escape code in a name of a file",
			`[service.web]
port = 8080
files = ["\u001b[2J*.jar"]
`,
			"config.toml:3:10: service.web.files[0]: contains the control character U+001B; remove it"},
		{"several problems are reported at once, in the order of the file",
			`[watch]
mode = "pol"
[service.web]
port = 70000
needs = ["wbe"]
bogus = true
`,
			`config.toml:2:1: watch.mode: "pol" is none of "auto", "inotify" and "poll"; did you mean "poll"?
config.toml:4:1: service.web.port: 70000 is not a port; give 1 to 65535, or leave it out
config.toml:5:10: service.web.needs[0]: no service is called "wbe"; did you mean "web"?
config.toml:6:1: service.web.bogus: unknown key; known here: ` + serviceKeys},
	})
}
