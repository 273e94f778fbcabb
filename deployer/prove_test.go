package deployer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func withHealth(path string) func(*deployer.Options) {
	return func(o *deployer.Options) {
		abc(o)
		o.Services[0].Health.Path = path
	}
}

func TestHealthIsWaitedForUntilItsTimeIsOver(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []string
		want   string // the error
	}{
		{"at once", []string{"serve"}, ""},
		{"just before", []string{"serve", "answer 500 until 59980ms"}, ""},
		{"just after", []string{"serve", "answer 500 until 60020ms"}, "not healthy within 1m0s: GET /health: 500 Internal Server Error"},
		{"never", []string{"serve", "answer 503"}, "not healthy within 1m0s: GET /health: 503 Service Unavailable"},
		{"one that takes the question and says nothing", []string{"serve", "silent"}, "not healthy within 1m0s: GET /health: no answer within 2s; 29 of 29 tries took longer than health.try_timeout = \"2s\""},
		{"one that ends while it answers", []string{"serve", "fatal"}, "the process exited with status 1"},
		{"one that listens late", []string{"serve after 30s"}, ""},
		{"one that never listens", []string{"print nothing"}, "not healthy within 1m0s: GET /health: connection refused; it listens on nothing yet"},
	} {
		bubble(t, c.name, func(t *testing.T) {
			a := running(t, withHealth("/health"))
			began := time.Now()
			a.see(set("a", "a-2", c.script...))
			a.eventually("an end", func() bool { return a.status("a").Last.Set == "a-2" })
			if took := time.Since(began); took > time.Minute+time.Second {
				t.Errorf("it took %s", took)
			}
			if c.want == "" {
				a.isLive("a", "a-2", "a-2")
				return
			}
			a.isLive("a", "a-1", "a-1")
			if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, c.want) || e.Step != "prove" {
				t.Errorf("told %+v, want %q", e, c.want)
			}
		})
	}
}

func TestWhatAnswersThatItIsWell(t *testing.T) {
	for path, want := range map[string]string{
		"":           "",
		"/well":      "",
		"/elsewhere": `GET /elsewhere: 302 Found: redirects to "/well"`,
		"/huge":      "GET /huge: the answer is longer than 1048576 bytes",
		"/endless":   "GET /endless: no answer within 2s",
		"/half":      "GET /half: unexpected EOF",
		"/headers":   "server response headers exceeded",
		"/mail":      "malformed HTTP",
	} {
		bubble(t, "of "+path, func(t *testing.T) {
			a := newWorld().start(t, withHealth(path), func(o *deployer.Options) { o.Services[0].Health.Timeout = 2500 * time.Millisecond })
			a.see(set("a", "a-1"))
			pass(20 * time.Second)
			if want == "" {
				a.isLive("a", "a-1", "a-1")
				return
			}
			if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, want) {
				t.Errorf("told %q, want %q", e.Reason, want)
			}
		})
	}
}

// proven starts an agent with a service b of such a health, and deploys a script.
func proven(t *testing.T, h deployer.Health, script ...string) *agent {
	t.Helper()
	a := newWorld().start(t, abc, func(o *deployer.Options) {
		h.TryTimeout, h.Timeout = time.Second, 10*time.Second
		o.Services[1].Health = h
	})
	a.put(set("b", "b-1", script...))
	return a
}

// isProven checks that what proven deploys is live in the end, or why it is not.
func (a *agent) isProven(want string) {
	a.t.Helper()
	pass(20 * time.Second)
	if want == "" {
		a.isLive("b", "b-1", "b-1")
		return
	}
	if e := a.lastOf(deployer.Failed, "b"); e.Step != "prove" || !strings.Contains(e.Reason, want) {
		a.t.Errorf("told %q, want %q", e.Reason, want)
	}
}

// What a request says, which port it goes to and what is a healthy answer.
func TestHealthIsAskedAsItIsWritten(t *testing.T) {
	statuses := func(first, last int) []deployer.StatusRange {
		return []deployer.StatusRange{{First: 599, Last: 599}, {First: first, Last: last}}
	}
	headers := map[string]string{"x-key": "1"}
	for name, c := range map[string]struct {
		health deployer.Health
		script string
		want   string // the error
	}{
		"another port":                          {deployer.Health{Port: 9081}, "serve 9081", ""},
		"another port, with a path":             {deployer.Health{Port: 9081, Path: "/"}, "serve 9081", ""},
		"another port, which nobody listens at": {deployer.Health{Port: 9081}, "serve 8082", "not healthy within 10s: connection refused"},
		"method, host and headers":              {deployer.Health{Path: "/strict", Method: "HEAD", Host: "person:80", Headers: headers}, "serve", ""},
		"no method, host and headers":           {deployer.Health{Path: "/strict"}, "serve", "GET /strict: 403 Forbidden: GET, not HEAD, of 10.0.3.10:8082"},
		"a status of the list":                  {deployer.Health{Path: "/", Status: statuses(400, 404)}, "serve\nanswer 401", ""},
		"a status that is not in it":            {deployer.Health{Path: "/", Status: statuses(204, 204)}, "serve", "GET /: 200 OK, which is not in health.status"},
		"a redirect of the list":                {deployer.Health{Path: "/elsewhere", Status: statuses(302, 302)}, "serve", ""},
		"over TLS":                              {deployer.Health{Path: "/", HTTPS: true}, "serve\ntls", ""},
	} {
		bubble(t, name, func(t *testing.T) { proven(t, c.health, c.script).isProven(c.want) })
	}
}

// Beside the port: a command inside, a line of the output, a time.
func TestAllThatIsWrittenHasToBeSo(t *testing.T) {
	for name, c := range map[string]struct {
		health deployer.Health
		script string
		after  time.Duration // when it is live
		want   string        // the error
	}{
		"a command that goes well":          {deployer.Health{Command: "well"}, "serve\nwell after 5s", 5 * time.Second, ""},
		"a command that never does":         {deployer.Health{Command: "well"}, "serve", 0, "not healthy within 10s: health.command: it ended with status 1: not yet"},
		"a command that takes too long":     {deployer.Health{Command: "sleep"}, "serve", 0, "health.command: no answer within 1s; 9 of 9 tries took longer than health.try_timeout = \"1s\""},
		"a command, and no port":            {deployer.Health{Command: "well"}, "well", 0, "connection refused"},
		"a line":                            {deployer.Health{Log: `^Started \d`}, "serve\nprint Started\nlater 3s Started 12", 3 * time.Second, ""},
		"no line":                           {deployer.Health{Log: `^Started \d`}, "serve\nprint not Started 12", 0, `no line of its output matches "^Started \\d" yet (health.log)`},
		"a time":                            {deployer.Health{Up: 4 * time.Second}, "serve", 4 * time.Second, ""},
		"a time that its process ends in":   {deployer.Health{Up: 4 * time.Second}, "serve\nexit 0 after 3s", 0, "the process exited with status 0"},
		"a time, and no port":               {deployer.Health{Up: 4 * time.Second}, "print up", 0, "connection refused"},
		"a line, a command, a time, a path": {deployer.Health{Log: "Started", Command: "well", Up: 2 * time.Second, Path: "/"}, "serve after 1s\nlater 3s Started\nwell after 4s", 4 * time.Second, ""},
	} {
		bubble(t, name, func(t *testing.T) {
			a := proven(t, c.health, c.script)
			if c.want == "" && c.after > 0 {
				if pass(c.after - 50*time.Millisecond); a.live("b") != "" {
					t.Error("it was live before all was so")
				}
				if pass(300 * time.Millisecond); a.live("b") == "" {
					t.Error("it is not live though all is so")
				}
			}
			a.isProven(c.want)
		})
	}
}
