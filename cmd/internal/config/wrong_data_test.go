package config

import "testing"

// What is said where data cannot be kept.
func TestWrongData(t *testing.T) {
	const web = "[service.web]\nport = 8080\n"
	refuses(t, []wrong{
		{"a folder that is relative", web + `data = ["data"]
`,
			`config.toml:3:9: service.web.data[0]: "data" is not absolute; begin it with a slash, as the container sees it`},
		{"the root", web + `data = ["/data", "/"]
`,
			`config.toml:3:18: service.web.data[1]: "/" is a folder of the system; choose the service's own, like "/var/lib/app"`},
		{"a folder of the system", web + `data = ["/var/lib/"]
`,
			`config.toml:3:9: service.web.data[0]: "/var/lib" is a folder of the system; choose the service's own, like "/var/lib/app"`},
		{"a folder of the kernel's", web + `data = ["/srv/../proc/x"]
`,
			`config.toml:3:9: service.web.data[0]: "/proc/x" lies in /proc, which is made anew in each container; choose a folder like "/var/lib/app"`},
		{"a folder of our own", web + `data = ["/etc/jarloop"]
`,
			`config.toml:3:9: service.web.data[0]: "/etc/jarloop" lies in /etc/jarloop, which is made anew in each container; choose a folder like "/var/lib/app"`},
		{"a path that is too long", web + `data = ["/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
`,
			`config.toml:3:9: service.web.data[0]: "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" has 82 characters; choose a path of at most 80`},
		{"below the target", web + `data = ["/web/data"]
`,
			`config.toml:3:9: service.web.data[0]: "/web/data" and the target "/web" lie in each other, and each deploy replaces the target; choose another target, and let exec say where the data are`},
		{"above the target", web + `target = "/srv/web/app"
data = ["/srv/web"]
`,
			`config.toml:4:9: service.web.data[0]: "/srv/web" and the target "/srv/web/app" lie in each other, and each deploy replaces the target; choose another target, and let exec say where the data are`},
		{"one twice", web + `data = ["/data", "/data/"]
`,
			`config.toml:3:18: service.web.data[1]: "/data" is in the list twice; take one out`},
		{"one in another", web + `data = ["/data/a", "/data"]
`,
			`config.toml:3:20: service.web.data[1]: "/data" and "/data/a" lie in each other; keep the outer one`},
		{"an unknown way to replace", web + `replace = "stop"
`,
			`config.toml:3:1: service.web.replace: "stop" is none of "overlap" and "stop-first"`},
		{"who calls it cannot wait", "[lxc]\nnames = \"hosts\"\n[service.web]\nport = 8080\nneeds = [\"db\"]\n[service.db]\nport = 1\ndata = [\"/data\"]\n",
			`config.toml:8:1: service.db.data: with lxc.names = "hosts" what web asks while it is replaced cannot wait, and is lost; make that "vip", or give replace = "overlap"`},
		{"who knows it cannot wait", "[lxc]\nnames = \"hosts\"\n[service.web]\nport = 8080\nknows = [\"db\"]\n[service.db]\nport = 1\nreplace = \"stop-first\"\n",
			`config.toml:8:1: service.db.replace: with lxc.names = "hosts" what web asks while it is replaced cannot wait, and is lost; make that "vip", or give replace = "overlap"`},
	})
}

func TestReplaceIsStopFirstWithData(t *testing.T) {
	for keys, want := range map[string]string{
		"":                 "overlap",
		`data = ["/data"]`: "stop-first",
		"data = [\"/data\"]\nreplace = \"overlap\"": "overlap",
		`replace = "stop-first"`:                    "stop-first",
	} {
		c := parse(t, "[service.web]\nport = 80\n"+keys+"\n")
		if got := c.Services[0].Replace; got != want {
			t.Errorf("%s: %s, want %s", keys, got, want)
		}
	}
	c := parse(t, "[service.web]\nport = 80\ndata = [\"/data//x/\"]\n")
	if got := c.Services[0].Data[0]; got != "/data/x" {
		t.Errorf("the folder is %s", got)
	}
}
