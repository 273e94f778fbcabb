package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
)

// What is said where the port of a debugger is wrong.
func TestWrongDebug(t *testing.T) {
	const web = "[service.web]\nport = 8080\n"
	refuses(t, []wrong{
		{"a debugger's port that is zero",
			web + "debug = 0\n",
			"config.toml:3:1: service.web.debug: 0 is not a port; give 1 to 65535, or leave it out"},
		{"a debugger's port that is too large",
			web + "debug = 65536\n",
			"config.toml:3:1: service.web.debug: 65536 is not a port; give 1 to 65535, or leave it out"},
		{"a debugger's port that is no number",
			web + "debug = true\n",
			"config.toml:3:1: service.web.debug: must be a whole number like 5005, not a truth value"},
		{"a debugger on the service's own port",
			web + "debug = 8080\n",
			"config.toml:3:1: service.web.debug: 8080 is the port that the service itself listens on; choose another"},
		{"two debuggers on one port",
			web + "debug = 5005\n[service.api]\nport = 1\ndebug = 5005\n",
			`config.toml:6:1: service.api.debug: 5005 is the debugger's port of "web" already; choose another`},
		{"a debugger on a published port",
			web + "debug = 80\n[[publish]]\ninterface = \"eth0\"\nport = 80\nservice = \"web\"\n",
			`config.toml:3:1: service.web.debug: 80 is published on line 4, for "web"; choose another port`},
	})
}

func TestThePortOfADebuggerComesInWherePublishedOnesDo(t *testing.T) {
	const services = "[service.web]\nport = 8080\ndebug = 5005\n[service.api]\nport = 1\n"
	debug := func(name string) deployer.Publish {
		return deployer.Publish{Interface: name, Port: 5005, Protocol: "tcp", Service: "web", To: 5005}
	}
	for text, want := range map[string][]deployer.Publish{
		services: {debug("lxcbr0")},
		services + "[[publish]]\ninterface = \"eth0\"\nport = 80\nservice = \"api\"\n[[publish]]\ninterface = \"eth1\"\nport = 80\nservice = \"api\"\n": {
			{Interface: "eth0", Port: 80, Protocol: "tcp", Service: "api"}, {Interface: "eth1", Port: 80, Protocol: "tcp", Service: "api"}, debug("eth0"), debug("eth1"),
		},
	} {
		if diff := cmp.Diff(want, parse(t, text).Ports("enp0s3")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestAPortIsPublishedForBothProtocolsAndToAnotherPortOfTheService(t *testing.T) {
	c := parse(t, `[service.dns]
port = 5300
debug = 53
[[publish]]
port = 53
protocol = "udp"
service = "dns"
[[publish]]
interface = "eth1"
port = 8081
service = "dns"
to = 9090
`)
	want := []deployer.Publish{
		{Interface: "enp0s3", Port: 53, Protocol: "udp", Service: "dns"},
		{Interface: "eth1", Port: 8081, Protocol: "tcp", Service: "dns", To: 9090},
		{Interface: "enp0s3", Port: 53, Protocol: "tcp", Service: "dns", To: 53},
		{Interface: "eth1", Port: 53, Protocol: "tcp", Service: "dns", To: 53},
	}
	if diff := cmp.Diff(want, c.Ports("enp0s3")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
