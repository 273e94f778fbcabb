package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func healthOf(t *testing.T, keys string) (*Config, error) {
	t.Helper()
	return Parse("config.toml", []byte("[service.web]\nport = 8080\nhealth = "+keys+"\n"))
}

func TestWrongHealth(t *testing.T) {
	for keys, want := range map[string]string{
		`{ port = 0 }`:                                ".port: 0 is not a port; give 1 to 65535, or leave it out",
		`{ path = "/", scheme = "ftp" }`:              `.scheme: "ftp" is none of "http" and "https"`,
		`{ scheme = "https" }`:                        `.scheme: is of a request, and none is made; add path = "/" or the like, or leave it out`,
		`{ method = "HEAD" }`:                         `.method: is of a request, and none is made; add path = "/" or the like, or leave it out`,
		`{ host = "a" }`:                              `.host: is of a request, and none is made; add path = "/" or the like, or leave it out`,
		`{ headers = { a = "b" } }`:                   `.headers: is of a request, and none is made; add path = "/" or the like, or leave it out`,
		`{ status = ["2xx"] }`:                        `.status: is of a request, and none is made; add path = "/" or the like, or leave it out`,
		`{ path = "/", method = "get" }`:              `.method: "get" is not the method of a request; write it like "GET" or "HEAD"`,
		`{ path = "/", host = "a b" }`:                `.host: "a b" is not a host, with or without a port; write it like "localhost:8080"`,
		`{ path = "/", host = "http://a" }`:           `.host: "http://a" is not a host, with or without a port; write it like "localhost:8080"`,
		`{ path = "/", headers = "a" }`:               `.headers: must be a table of texts like { Accept = "application/json" }, not a string`,
		`{ path = "/", headers = { a = 1 } }`:         `.headers.a: must be a string like "application/json", not a whole number`,
		`{ path = "/", headers = { "a b" = "" } }`:    `.headers."a b": "a b" is not the name of a header`,
		`{ path = "/", headers = { host = "x" } }`:    `.headers.host: is not sent; write host = "x" beside headers`,
		`{ path = "/", status = ["1xx"] }`:            `.status[0]: "1xx" is no HTTP status from 200 to 599, nor a range of them; write it like "200", "2xx" or "200-399"`,
		`{ path = "/", status = ["200", "300-200"] }`: `.status[1]: "300-200" is no HTTP status from 200 to 599, nor a range of them; write it like "200", "2xx" or "200-399"`,
		`{ command = " " }`:                           `.command: is empty; give a command, or leave it out`,
		`{ log = "" }`:                                `.log: "" matches every line; give what a line has when the service is ready, or leave it out`,
		`{ log = "(" }`:                               `.log: "(" is not a regular expression (missing closing )); put a backslash before what is meant as it stands`,
		`{ up = "60s" }`:                              `.up: 1m can never be reached within timeout = "1m"; give a longer timeout`,
		`{ try_timeout = "11s", timeout = "10s" }`:    `.try_timeout: 11s is longer than timeout = "10s", which is of all tries; give less`,
	} {
		t.Run(keys, func(t *testing.T) {
			_, err := healthOf(t, keys)
			if err == nil {
				t.Fatal("was accepted")
			}
			if got := err.Error(); !strings.HasSuffix(got, ": service.web.health"+want) {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

func TestHealthAsADeploySeesIt(t *testing.T) {
	c, err := healthOf(t, `{ port = 8081, path = "/q", scheme = "https", method = "HEAD", host = "a.b:1", headers = { X-A = "1" },
status = ["204", "3xx", "400-401"], command = "true", log = "up$", up = "1s", try_timeout = "5s", timeout = "3m" }`)
	if err != nil {
		t.Fatal(err)
	}
	want := deployer.Health{
		Port: 8081, Path: "/q", HTTPS: true, Method: "HEAD", Host: "a.b:1", Headers: map[string]string{"X-A": "1"},
		Status:  []deployer.StatusRange{{First: 204, Last: 204}, {First: 300, Last: 399}, {First: 400, Last: 401}},
		Command: "true", Log: "up$", Up: time.Second, TryTimeout: 5 * time.Second, Timeout: 3 * time.Minute,
	}
	if got := c.Services[0].Health.Proof(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if c, err = healthOf(t, `{ timeout = "1s" }`); err != nil || c.Services[0].Health.Proof().TryTimeout != time.Second {
		t.Errorf("a short timeout does not bound each try: %+v, %v", c, err)
	}
}

func TestWorkers(t *testing.T) {
	for health, want := range map[string]bool{
		`{ command = "true" }`: true, `{ log = "up" }`: true, `{ up = "1s" }`: true, `{ up = "1s", port = 8081, path = "/" }`: true,
		`{}`: false, `{ path = "/" }`: false, `{ port = 8081 }`: false,
	} {
		for _, port := range []string{"", "port = 8080\n"} {
			c, err := Parse("config.toml", []byte("[service.web]\n"+port+"health = "+health+"\n"))
			if err != nil || c.Services[0].Worker() != (want && port == "") {
				t.Errorf("with %q and health = %s: %v, %+v", port, health, err, c)
			}
		}
	}
	refuses(t, []wrong{
		{"a worker whose path has no port", "[service.mailer]\nhealth = { path = \"/\", up = \"1s\" }\n",
			"config.toml:2:12: service.mailer.health.path: is asked of a port, and without one the service is a worker, since health has command, log or up; " +
				"add port to the service, or port = 8081 or the like to health"},
		{"a worker that is published", "[service.mailer]\nhealth = { up = \"1s\" }\n[[publish]]\ninterface = \"eth0\"\nport = 80\nservice = \"mailer\"\n",
			"config.toml:6:1: publish[0].service: mailer is a worker, which has no port: its health has command, log or up; " +
				"add port = 8080 or the like to [service.mailer], or leave this publish out"},
	})
}
