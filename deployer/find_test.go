package deployer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// opensOnly is said of what goes live first and whose health has no path.
const opensOnly = "it accepts connections: that it answers too is proven by health.path"

// anyPort lets service b find out what it listens on.
func anyPort(o *deployer.Options) {
	abc(o)
	o.Services[1].Port = 0
}

// goesTo checks where ports of a service lead, what the status says of it, and
// what was said when it went live.
func (a *agent) goesTo(service, port, said string) {
	a.t.Helper()
	if got := a.portOf(service).String(); !strings.HasSuffix(got, ":"+port) || got != a.status(service).Address {
		a.t.Errorf("ports of %s lead to %s, the status says %s, want port %s", service, got, a.status(service).Address, port)
	}
	if e := a.lastOf(deployer.WentLive, service); e.Reason != said || e.Address != a.status(service).Address {
		a.t.Errorf("told %+v, want %q", e, said)
	}
}

func TestAPortThatIsNotWrittenIsFoundOut(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		port   string
		said   string
	}{
		"one":                   {"serve 8085", "8085", "listens on 8085"},
		"one that comes late":   {"serve 8085 after 20s", "8085", "listens on 8085"},
		"the lowest of several": {"listen 0.0.0.0:8443 [::]:8080 0.0.0.0:9000", "8080", "listens on 8080, 8443 and 9000: 8080 is taken for its port; to take another, write it: port = 8443"},
		"a real one and RMI's":  {"listen [::]:41234 [::]:32767", "32767", "listens on 32767 and 41234: 32767 is taken for its port; to take another, write it: port = 41234"},
		"on no loopback alone":  {"listen 127.0.0.1:8005 [::1]:8006 0.0.0.0:8080", "8080", "listens on 8080"},
		"of TCP":                {"listen udp:0.0.0.0:53 0.0.0.0:8080", "8080", "listens on 8080"},
	} {
		bubble(t, name, func(t *testing.T) {
			a := newWorld().start(t, anyPort)
			a.put(set("b", "b-1", c.script))
			pass(25 * time.Second)
			a.isLive("b", "b-1", "b-1")
			a.goesTo("b", c.port, c.said+"; "+opensOnly)
		})
	}
}

func TestWhatAToolListensOnIsNotTaken(t *testing.T) {
	for exec, port := range map[string]string{
		"java -jar /b/App.jar -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005": "8080",
		"java -jar /b/App.jar -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=5005":   "8080",
		"java -jar /b/App.jar -Dcom.sun.management.jmxremote.port=5005":                             "8080",
		"java -jar /b/App.jar -Dcom.sun.management.jmxremote.rmi.port=5005":                         "8080",
		"java -jar /b/App.jar --port=5005":                                                          "5005",
	} {
		bubble(t, exec, func(t *testing.T) {
			a := newWorld().start(t, anyPort, func(o *deployer.Options) {
				o.Services[1].Env = map[string]string{"JAVA_TOOL_OPTIONS": "-Dcom.sun.management.jmxremote.port=5004"}
				o.Services[1].Exec, o.Services[1].Debug, o.Services[1].Health.Port = exec, 5006, 7000
			})
			a.put(set("b", "b-1", "listen 0.0.0.0:5004 0.0.0.0:5005 0.0.0.0:5006 0.0.0.0:7000 0.0.0.0:8080"))
			pass(5 * time.Second)
			if got := a.portOf("b").String(); !strings.HasSuffix(got, ":"+port) {
				t.Errorf("ports lead to %s, want %s", got, port)
			}
		})
	}
}

// What was found is known to the generations after, and to the next agent.
func TestAFoundPortIsKept(t *testing.T) {
	bubble(t, "and costs nothing", func(t *testing.T) {
		a := newWorld().start(t, anyPort)
		a.put(set("b", "b-1", "serve 8085"))
		pass(time.Second)
		a = a.next(anyPort)
		a.goesToStill("b", "8085")
		a.put(set("b", "b-2", "listen 0.0.0.0:8080 0.0.0.0:8085")) // at once, though there is a lower one
		a.isLive("b", "b-2", "b-2")
		a.goesTo("b", "8085", "")
		if r := a.recordOf("b-2"); r.Port != 8085 {
			t.Errorf("recorded is %+v", r)
		}
	})
	bubble(t, "until a new build listens elsewhere", func(t *testing.T) {
		a := newWorld().start(t, anyPort)
		a.put(set("b", "b-1", "serve 8085"))
		pass(time.Second)
		a.put(set("b", "b-2", "listen 0.0.0.0:9000\nserve 8085 after 2s")) // slowly, but there
		pass(4 * time.Second)
		a.goesTo("b", "8085", "")
		a.put(set("b", "b-3", "listen 0.0.0.0:9000"))
		pass(time.Second)
		a.isLive("b", "b-2", "b-2")
		pass(4 * time.Second)
		a.isLive("b", "b-3", "b-3")
		a.goesTo("b", "9000", "listens on 9000 now, not on 8085")
	})
	bubble(t, "where another one is asked", func(t *testing.T) {
		a := newWorld().start(t, anyPort, func(o *deployer.Options) { o.Services[1].Health.Port = 8081 })
		a.put(set("b", "b-1", "serve 8080\nlisten 0.0.0.0:8081"))
		pass(time.Second)
		a.put(set("b", "b-2", "listen 0.0.0.0:8081\nserve 8080 after 2s"))
		pass(time.Second)
		a.isLive("b", "b-1", "b-1")
		pass(2 * time.Second)
		a.isLive("b", "b-2", "b-2")
		a.goesTo("b", "8080", "")
	})
	bubble(t, "from the moment that it is found", func(t *testing.T) {
		a := newWorld().start(t, anyPort, func(o *deployer.Options) { o.Together = true })
		a.put(set("b", "b-1", "serve 8085"))
		pass(time.Second)
		a.put(set("b", "b-2", "serve 8086"))
		a.put(set("a", "a-1", "serve"))
		a.put(set("a", "a-2", "serve after 20s"))
		pass(15 * time.Second) // b-2 is proven, and waits for a-2
		if r := a.recordOf("b-2"); r.Phase != "candidate" || r.Port != 8086 {
			t.Errorf("recorded is %+v", r)
		}
	})
}

// goesToStill is goesTo of what an agent has found.
func (a *agent) goesToStill(service, port string) {
	a.t.Helper()
	if got := a.portOf(service).String(); !strings.HasSuffix(got, ":"+port) || got != a.status(service).Address {
		a.t.Errorf("ports of %s lead to %s, the status says %s, want port %s", service, got, a.status(service).Address, port)
	}
}

// Another port may be the one that is asked, and a path is asked of the found one.
func TestHealthGoesWithAPortThatIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		health deployer.Health
		script string
		want   string // the error
	}{
		"an admin port":                   {deployer.Health{Port: 8081, Path: "/"}, "listen 0.0.0.0:8080 0.0.0.0:8081", ""},
		"an admin port, and no other":     {deployer.Health{Port: 8081, Path: "/"}, "serve 8081", "it listens on no port yet"},
		"a path":                          {deployer.Health{Path: "/well"}, "serve 8080", ""},
		"a path that answers not at once": {deployer.Health{Path: "/"}, "serve 8080\nanswer 503 until 5s", ""},
		"a path, and a lower port later":  {deployer.Health{Path: "/"}, "listen 0.0.0.0:9000\nanswer 503 until 5s\nserve 8080 after 2s", ""},
		"a path that answers never":       {deployer.Health{Path: "/"}, "serve 8080\nanswer 503", "not healthy within 10s: GET /: 503 Service Unavailable"},
	} {
		bubble(t, name, func(t *testing.T) {
			a := newWorld().start(t, anyPort, func(o *deployer.Options) {
				c.health.TryTimeout, c.health.Timeout = time.Second, 10*time.Second
				o.Services[1].Health = c.health
			})
			a.put(set("b", "b-1", c.script))
			a.isProven(c.want)
			if c.want == "" && a.portOf("b").Port() != 8080 {
				t.Errorf("ports lead to %s", a.portOf("b"))
			}
		})
	}
}

// A worker listens nowhere: nobody is led to it, and nobody has to be waited for
// when it is to end.
func TestAWorkerNeedsNoPort(t *testing.T) {
	bubble(t, "but what is written", func(t *testing.T) {
		a := newWorld().start(t, func(o *deployer.Options) {
			abc(o)
			o.Services[1].Port, o.Services[1].Worker = 0, true
			o.Services[1].Health.Log = "ready"
			o.Services[1].Needs = []string{"a"}
		})
		a.put(set("a", "a-1"))
		a.put(set("b", "b-1", "later 3s ready"))
		pass(2 * time.Second)
		if a.live("b") != "" {
			t.Error("it is live before it is ready")
		}
		pass(2 * time.Second)
		if s := a.status("b"); s.State != "live" || s.Address != "" || s.Set != "b-1" {
			t.Errorf("status: %+v", s)
		}
		if e := a.lastOf(deployer.WentLive, "b"); e.Reason != "" || strings.Contains(e.Address, ":") {
			t.Errorf("told %+v", e)
		}
		a.put(set("b", "b-2", "print ready"))
		a.eventually("the next one", func() bool { return a.live("b") == "b-2" })
		pass(500 * time.Millisecond)
		if !a.gone("b-1") {
			t.Error("the old one goes on working beside the new one")
		}
		a.serves("a", "a-1")
	})
	bubble(t, "but may have one for its health", func(t *testing.T) {
		a := newWorld().start(t, func(o *deployer.Options) {
			abc(o)
			o.Services[1].Port, o.Services[1].Worker = 0, true
			o.Services[1].Health.Up, o.Services[1].Health.Port, o.Services[1].Health.Path = time.Second, 8081, "/"
		})
		a.put(set("b", "b-1", "serve 8081\nanswer 503"))
		pass(2 * time.Minute)
		if e := a.lastOf(deployer.Failed, "b"); !strings.Contains(e.Reason, "GET /: 503 Service Unavailable") {
			t.Errorf("told %+v", e)
		}
		a.put(set("b", "b-2", "serve 8081\nlisten 0.0.0.0:9000"))
		pass(2 * time.Second)
		if s := a.status("b"); s.State != "live" || s.Address != "" {
			t.Errorf("status: %+v", s)
		}
	})
	bubble(t, "and is not live if it is not so", func(t *testing.T) {
		a := newWorld().start(t, func(o *deployer.Options) {
			abc(o)
			o.Services[1].Port, o.Services[1].Worker = 0, true
			o.Services[1].Health.Up = 5 * time.Second
		})
		a.put(set("b", "b-1", "exit 0 after 4s"))
		pass(10 * time.Second)
		if e := a.lastOf(deployer.Failed, "b"); e.Step != "prove" || !strings.Contains(e.Reason, "exited with status 0") {
			t.Errorf("told %+v", e)
		}
	})
}
