package config

import "testing"

// What is said where a key or value has its old name.
func TestWrongOldNames(t *testing.T) {
	const web = "[service.web]\nport = 8080\n"
	refuses(t, []wrong{
		{"a command by its old name",
			web + "on_rewire = \"nginx -s reload\"\n",
			`config.toml:3:1: service.web.on_rewire: is called "reload_command" now; rename it`},
		{"both the old name and the new",
			web + "reload_command = \"true\"\non_rewire = \"true\"\n",
			`config.toml:4:1: service.web.on_rewire: is called "reload_command" now; rename it`},
		{"a key and its value by their old names",
			web + "[lxc]\nwiring = \"stable\"\n",
			`config.toml:4:1: lxc.wiring: is called "names" now; "stable" is called "vip" now`},
		{"a key by its old name, with a value that stays",
			web + "[lxc]\nwiring = \"hosts\"\n",
			`config.toml:4:1: lxc.wiring: is called "names" now; rename it`},
		{"a value by its old name",
			web + "[lxc]\nnames = \"stable\"\n",
			`config.toml:4:1: lxc.names: "stable" is called "vip" now`},
		{"a value that there is no more",
			web + "[lxc]\nbacking = \"zfs\"\n",
			`config.toml:4:1: lxc.backing: "zfs" is not supported; use "auto", "overlay", "btrfs" or "dir"`},
		{"an old name in another table is unknown",
			"wiring = \"stable\"\n" + web,
			"config.toml:1:1: wiring: unknown key; known here: state, run, watch, engine, lxc, logs, notify, page, env, env_file, fast_start, base, service, external and publish"},
	})
}
