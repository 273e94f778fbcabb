package config

import "testing"

// What is said where a service's files, commands or times are wrong.
func TestWrongServiceFolders(t *testing.T) {
	refuses(t, []wrong{
		{"a source that leads out of the shared folder",
			`[service.web]
port = 8080
source = "../etc"
`,
			`config.toml:3:1: service.web.source: "/etc" lies outside of watch.dir "/host", where nobody looks for changes; choose a folder below it`},
		{"a source elsewhere",
			`[service.web]
port = 8080
source = "/srv/web"
`,
			`config.toml:3:1: service.web.source: "/srv/web" lies outside of watch.dir "/host", where nobody looks for changes; choose a folder below it`},
		{"a source that is empty",
			`[service.web]
port = 8080
source = ""
`,
			`config.toml:3:1: service.web.source: is empty; give a folder below watch.dir, or leave it out for "volume-web"`},
		{"a target that is relative",
			`[service.web]
port = 8080
target = "web"
`,
			`config.toml:3:1: service.web.target: "web" is not absolute; begin it with a slash, as the container sees it`},
		{"a target that is the root",
			`[service.web]
port = 8080
target = "//"
`,
			`config.toml:3:1: service.web.target: "/" would replace a folder of the system; choose one of its own, like "/frontend"`},
		{"a target in a folder of the system",
			`[service.web]
port = 8080
target = "/opt/../etc/web"
`,
			`config.toml:3:1: service.web.target: "/etc/web" lies in /etc, which belongs to the system; choose one like "/frontend"`},
		{"a default target in a folder of the system",
			`[service.usr]
port = 1
`,
			`config.toml:1:10: service.usr.target: "/usr" lies in /usr, which belongs to the system; choose one like "/frontend"`},
		{"a target that is all of /var",
			`[service.web]
port = 8080
target = "/var/"
`,
			`config.toml:3:1: service.web.target: "/var" would replace a folder of the system; choose one of its own, like "/frontend"`},
		{"a pattern of files that leads out",
			`[service.web]
port = 8080
files = ["*.jar", "../*.jar"]
`,
			`config.toml:3:19: service.web.files[1]: "../*.jar" leads out of the service's folder; patterns are relative to source`},
		{"a pattern of files that is none",
			`[service.web]
port = 8080
files = ["[a-"]
`,
			`config.toml:3:10: service.web.files[0]: "[a-" is not a pattern; close its brackets`},
		{"a pattern of files that is empty",
			`[service.web]
port = 8080
files = [""]
`,
			`config.toml:3:10: service.web.files[0]: "" matches nothing; take it out`},
		{"a pattern to ignore that would take something back",
			`[service.web]
port = 8080
ignore = ["*.log", "!app.log"]
`,
			`config.toml:3:20: service.web.ignore[1]: "!app.log" begins with "!", which takes nothing back here; name what you mean`},
		{"a pattern to ignore with a dot before it",
			`[service.web]
port = 8080
ignore = ["./app.log"]
`,
			`config.toml:3:11: service.web.ignore[0]: "./app.log" is not in its shortest form; write "app.log"`},
		{"a pattern of logs that is relative",
			`[service.web]
port = 8080
logs = ["log/*.log"]
`,
			`config.toml:3:9: service.web.logs[0]: "log/*.log" is not absolute; begin it with a slash, as the container sees it`},
		{"a pattern of logs that is none",
			`[service.web]
port = 8080
logs = ["/log/["]
`,
			`config.toml:3:9: service.web.logs[0]: "/log/[" is not a pattern; close its brackets`},
		{"a pattern of logs with a way up",
			`[service.web]
port = 8080
logs = ["/log/../etc/x"]
`,
			`config.toml:3:9: service.web.logs[0]: "/log/../etc/x" is not in its shortest form; write /etc/x`},
		{"a health path without its slash",
			`[service.web]
port = 8080
health = { path = "health" }
`,
			`config.toml:3:12: service.web.health.path: "health" does not begin with a slash; write it like "/health"`},
		{"a health path with a space",
			`[service.web]
port = 8080
health = { path = "/a b" }
`,
			`config.toml:3:12: service.web.health.path: "/a b" is not the path of a request; write it like "/health"`},
		{"a health time-out of nothing",
			`[service.web]
port = 8080
[service.web.health]
timeout = "0s"
`,
			"config.toml:4:1: service.web.health.timeout: 0s is out of range; give 100ms to 1h"},
		{"a drain that is negative",
			`[service.web]
port = 8080
drain = "-1s"
`,
			"config.toml:3:1: service.web.drain: -1s is out of range; give 0s to 1h"},
		{"a drain that lasts too long",
			`[service.web]
port = 8080
drain = "1h30m"
`,
			"config.toml:3:1: service.web.drain: 1h30m is out of range; give 0s to 1h"},
	})
}
