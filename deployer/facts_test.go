package deployer_test

import (
	"bytes"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// What a person would find out who looks into a service that does not become
// healthy, and what to write then.
func TestWhyItIsNotHealthyIsSaid(t *testing.T) {
	path := deployer.Health{Path: "/"}
	for name, c := range map[string]struct {
		health deployer.Health
		script string
		want   string
	}{
		"it listens on nothing":                   {deployer.Health{}, "print hello", "not healthy within 10s: connection refused; it listens on nothing yet: its last lines say what it waits for, and a slow start needs a longer health.timeout"},
		"it listens to itself":                    {deployer.Health{}, "listen 127.0.0.1:7000 [::1]:8082 0.0.0.0:9000", "; it listens on [::1]:8082 only: have it listen on 0.0.0.0"},
		"it listens to itself, at another port":   {deployer.Health{}, "listen [::1]:7000", "; it listens on [::1]:7000 only: have it listen on 0.0.0.0"},
		"it listens elsewhere":                    {deployer.Health{}, "serve 8088", "; it listens on 8088, not on 8082: port = 8088"},
		"it listens elsewhere, twice":             {deployer.Health{}, "listen 0.0.0.0:8088 [::]:8089 127.0.0.1:8005", "; it listens on 8088 and 8089, not on 8082: port = 8088"},
		"its admin port is elsewhere":             {deployer.Health{Port: 9000}, "serve 9001", "; it listens on 9001, not on 9000: health.port = 9001"},
		"it listens on UDP":                       {deployer.Health{}, "listen udp:0.0.0.0:5353", "; it listens on UDP 5353 and on no TCP port"},
		"another port may have the path":          {path, "listen 0.0.0.0:8082 0.0.0.0:9000\nanswer 404", "; it listens on 9000 too: health.port = 9000 asks there"},
		"it has no such path":                     {path, "serve\nanswer 404", `GET /: 404 Not Found; it has nothing at /: another health.path, such as /actuator/health of Spring Boot, or health.status = ["200-499"] for any answer`},
		"it wants to know who asks":               {path, "serve\nanswer 401", `GET /: 401 Unauthorized; it wants to know who asks: health.headers, or health.status = ["2xx", "401", "403"]`},
		"it speaks something else":                {path, "serve\ngreet 220 mail ESMTP", "; what answers there speaks no HTTP/1, as a database, or gRPC: without health.path the port only has to accept a connection, or health.command asks it"},
		"it has another name":                     {path, "serve\nanswer 421", "GET /: 421 Misdirected Request; it does not answer by this name: health.host"},
		"it wants another method":                 {path, "serve\nanswer 405", "GET /: 405 Method Not Allowed; it wants another health.method"},
		"it has another path, of those written":   {deployer.Health{Path: "/", Status: []deployer.StatusRange{{First: 200, Last: 204}}}, "serve\nanswer 404", "GET /: 404 Not Found, which is not in health.status; it has nothing at /: another health.path"},
		"it prints nothing of what is waited for": {deployer.Health{Log: "ready"}, "serve", `not healthy within 10s: no line of its output matches "ready" yet (health.log)`},
		"it prints nothing at all":                {deployer.Health{Log: "ready"}, "serve\nmute", `"ready" yet (health.log); it has printed nothing: what it writes to a file counts where logs names that`},
		"it answers with an error":                {deployer.Health{Path: "/down"}, "serve", `GET /down: 503 Service Unavailable: {"status":"DOWN", "db":"refused"}`},
		"it redirects":                            {deployer.Health{Path: "/elsewhere"}, "serve", `GET /elsewhere: 302 Found: redirects to "/well"; health.path = "/well" asks there, or health.status = ["200-399"] takes that for an answer`},
		"it speaks TLS, and says so by an alert":  {path, "serve\nalert", `; the answer looks like TLS: health.scheme = "https"`},
		"it speaks TLS, and says so in HTTP":      {path, "serve\ntls", `; the answer looks like TLS: health.scheme = "https"`},
		"it does not speak TLS":                   {deployer.Health{Path: "/", HTTPS: true}, "serve", `; the answer is not TLS: health.scheme = "http"`},
		"its output says why":                     {deployer.Health{}, "print java.net.UnknownHostException: database", "health.timeout; its container does not know the name database: needs = ["},
		"it does not answer in time":              {path, "serve\nsilent", `GET /: no answer within 1s; 9 of 9 tries took longer than health.try_timeout = "1s"`},
	} {
		bubble(t, name, func(t *testing.T) {
			var logged bytes.Buffer
			log.SetOutput(&logged)
			defer log.SetOutput(os.Stderr)
			proven(t, c.health, c.script).isProven(c.want)
			if logged.Len() > 0 {
				t.Errorf("the standard logger has %q", logged.String())
			}
		})
	}
}

func TestWhyNoPortIsFoundIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		exec, script string
		want         string
	}{
		"nothing":    {"", "print hello", `; a service that never does is a worker, which health = { up = "5s" } proves, or command, or log`},
		"loopback":   {"", "listen 127.0.0.1:8080", "; it listens on 127.0.0.1:8080 only: have it listen on 0.0.0.0"},
		"UDP":        {"", "listen udp:0.0.0.0:53", `; it listens on UDP 53 and on no TCP port: a service that never does is a worker`},
		"a debugger": {"", "listen 0.0.0.0:5005", "; it listens on 5005: port = 5005"},
	} {
		bubble(t, name, func(t *testing.T) {
			a := newWorld().start(t, anyPort, func(o *deployer.Options) { o.Services[1].Debug = 5005 })
			a.put(set("b", "b-1", c.script))
			a.eventually("an end", func() bool { return len(a.of(deployer.Failed, "b")) > 0 })
			a.isProven("not healthy within 1m0s: it listens on no port yet" + c.want)
		})
	}
}

// How the process ended does not say why.
func TestWhyTheProcessEndedIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		exec, script string
		change       func(*instance)
		want         string
	}{
		"in the background":          {"", "exit 0 after 2s", nil, "prove: the process exited with status 0: the command has to stay in the foreground, and has no standard input"},
		"a JVM without work":         {"java -jar /b/App.jar\nexit 0 after 2s", "", nil, "prove: the process exited with status 0: the command has to stay in the foreground, and has no standard input; a JVM ends with its last thread, as that of Spring Boot does without a web server"},
		"a script that is not there": {"sh run.sh\nexit 127 after 2s", "", func(i *instance) { i.files["/bin/sh"] = "" }, "prove: the process exited with status 127: there is no /b/run.sh"},
		"an artefact that shares have dropped a bit of": {"./App.jar\nexit 126 after 2s", "#!/bin/sh\n", nil,
			`prove: the process exited with status 126: ./App.jar is not executable, a bit that shares drop: exec = "sh ./App.jar" runs it all the same`},
		"a script of the base": {"/opt/run.sh\nexit 127 after 2s", "", func(i *instance) { i.files["/opt/run.sh"] = "#!/bin/sh\r\n" },
			"prove: the process exited with status 127: /opt/run.sh has Windows line ends"},
		"no Java":             {"java -jar /b/App.jar\nexit 127 after 2s", "", nil, "prove: the process exited with status 127: java is not in the container"},
		"Java":                {"java -jar /b/App.jar\nexit 127 after 2s", "", func(i *instance) { i.files["/usr/bin/java"] = "" }, "prove: the process exited with status 127"},
		"for its own reasons": {"", "exit 1 after 2s", nil, "prove: the process exited with status 1"},
		"as it has printed":   {"", "print java.net.UnknownHostException: database\nexit 1 after 2s", nil, "prove: the process exited with status 1: its container does not know the name database: needs = ["},
	} {
		bubble(t, name, func(t *testing.T) {
			a := newWorld().start(t, abc, func(o *deployer.Options) { o.Services[1].Exec = c.exec })
			a.put(set("b", "b-1", c.script))
			if c.change != nil {
				a.with(func() { c.change(a.instances["b-1"]) })
			}
			pass(10 * time.Second)
			if e := a.lastOf(deployer.Failed, "b"); !strings.HasPrefix(e.Reason, c.want) || strings.Count(c.want, ":") < 2 && e.Reason != c.want {
				t.Errorf("told %q, want %q", e.Reason, c.want)
			}
		})
	}
}

func TestWhyABackingServiceEndedIsSaid(t *testing.T) {
	bubble(t, "by what its base holds", func(t *testing.T) {
		a := newWorld().start(t, abc, func(o *deployer.Options) {
			o.Services[1].Backing, o.Services[1].Exec = true, "/b/run.sh\nexit 127 after 2s"
		})
		a.with(func() { a.instances["b-1"].files["/b/run.sh"] = "#!/bin/bash\n" })
		pass(10 * time.Second)
		if e := a.lastOf(deployer.Failed, "b"); !strings.Contains(e.Reason, "the first line of /b/run.sh names /bin/bash, which is not in the container") {
			t.Errorf("told %q", e.Reason)
		}
	})
	bubble(t, "not by a signal", func(t *testing.T) {
		a := newWorld().start(t, abc)
		a.put(set("b", "b-1", "print java.net.UnknownHostException: database"))
		a.with(func() { a.end(a.instances["b-1"], a.instances["b-1"].unit, "killed by SIGKILL") })
		pass(time.Second)
		if e := a.lastOf(deployer.Failed, "b"); e.Reason != "prove: the process was killed by SIGKILL" {
			t.Errorf("told %q", e.Reason)
		}
	})
}
