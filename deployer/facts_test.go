package deployer_test

import (
	"testing"

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
		"it listens on nothing":                  {deployer.Health{}, "print hello", "not healthy within 10s: connection refused; it listens on nothing yet"},
		"it listens to itself":                   {deployer.Health{}, "listen 127.0.0.1:7000 [::1]:8082 0.0.0.0:9000", "; it listens on [::1]:8082 only: have it listen on 0.0.0.0"},
		"it listens to itself, at another port":  {deployer.Health{}, "listen [::1]:7000", "; it listens on [::1]:7000 only: have it listen on 0.0.0.0"},
		"it listens elsewhere":                   {deployer.Health{}, "serve 8088", "; it listens on 8088, not on 8082: port = 8088"},
		"it listens elsewhere, twice":            {deployer.Health{}, "listen 0.0.0.0:8088 [::]:8089 127.0.0.1:8005", "; it listens on 8088 and 8089, not on 8082: port = 8088"},
		"its admin port is elsewhere":            {deployer.Health{Port: 9000}, "serve 9001", "; it listens on 9001, not on 9000: health.port = 9001"},
		"it listens on UDP":                      {deployer.Health{}, "listen udp:0.0.0.0:5353", "; it listens on UDP 5353 and on no TCP port"},
		"another port may have the path":         {path, "listen 0.0.0.0:8082 0.0.0.0:9000\nanswer 404", "GET /: 404 Not Found; it listens on 9000 too: health.port = 9000 asks there"},
		"it answers with an error":               {deployer.Health{Path: "/down"}, "serve", `GET /down: 503 Service Unavailable: {"status":"DOWN", "db":"refused"}`},
		"it redirects":                           {deployer.Health{Path: "/elsewhere"}, "serve", `GET /elsewhere: 302 Found: redirects to "/well"`},
		"it speaks TLS, and says so by an alert": {path, "serve\nalert", `; the answer looks like TLS: health.scheme = "https"`},
		"it speaks TLS, and says so in HTTP":     {path, "serve\ntls", `; the answer looks like TLS: health.scheme = "https"`},
		"it does not speak TLS":                  {deployer.Health{Path: "/", HTTPS: true}, "serve", `; the answer is not TLS: health.scheme = "http"`},
		"it does not answer in time":             {path, "serve\nsilent", `GET /: no answer within 1s; 9 of 9 tries took longer than health.try_timeout = "1s"`},
	} {
		bubble(t, name, func(t *testing.T) { proven(t, c.health, c.script).isProven(c.want) })
	}
}

func TestWhyNoPortIsFoundIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		exec, script string
		want         string
	}{
		"nothing":    {"", "print hello", `; it listens on nothing yet: a service that never does is a worker, which health = { up = "5s" } proves, or command, or log`},
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
