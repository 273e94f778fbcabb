package console

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// shownInTime is shown, with a clock that goes.
func shownInTime(t *testing.T, r reader, services []string, tell func(*Console)) (got string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		begun := time.Now()
		var out bytes.Buffer
		c := r.console(&out, services, func() time.Time { return noon.Add(time.Since(begun)) })
		tell(c)
		synctest.Wait() // what is due has been shown
		c.mu.Lock()
		defer c.mu.Unlock()
		got = words.Replace(out.String())
	})
	return got
}

func says(service, generation string, times int, text string) func(*Console) {
	return func(c *Console) {
		for range times {
			c.Line(deployer.Line{Service: service, Generation: generation, Text: text})
		}
	}
}

func changes(services ...string) func(*Console) {
	return func(c *Console) {
		for _, s := range services {
			c.Changed(s, s+".jar (12 kB)")
		}
	}
}

func wentLive(service string) func(*Console) {
	return func(c *Console) {
		c.Event(deployer.Event{Kind: deployer.WentLive, Service: service, Generation: service + "-2", Set: set, Address: "10.0.3.9:80", Took: time.Second})
	}
}

func after(d time.Duration) func(*Console) { return func(*Console) { time.Sleep(d) } }

func TestLinesThatComeAgainAreFolded(t *testing.T) {
	for _, c := range []struct {
		name string
		told []func(*Console)
		want string
	}{
		{"until the service prints another", []func(*Console){says("web", "web-1", 42, "retry"), says("web", "web-1", 1, "connected")}, `
         web      │ retry
         web      │ last line repeated 41 times
         web      │ connected
`},
		{"until there is an event of the service", []func(*Console){says("web", "web-1", 3, "retry"), wentLive("web")}, `
         web      │ retry
         web      │ last line repeated 2 times
12:00:00 web      live     web-2  3fa2c1d0  10.0.3.9:80  1.00 s
`},
		{"until the agent says something", []func(*Console){says("web", "web-1", 3, "retry"), func(c *Console) { c.Say("stopped") }}, `
         web      │ retry
         web      │ last line repeated 2 times
12:00:00          jarloop  stopped
`},
		{"for a second at a time", []func(*Console){says("web", "web-1", 3, "retry"), after(foldFor + 1), says("web", "web-1", 5, "retry"), after(time.Hour)}, `
         web      │ retry
         web      │ last line repeated 2 times
         web      │ last line repeated 5 times
`},
		{"and not before that", []func(*Console){says("web", "web-1", 3, "retry"), after(foldFor - 1)}, `
         web      │ retry
`},
		{"unless it came only once more", []func(*Console){says("web", "web-1", 2, "retry"), after(foldFor + 1)}, `
         web      │ retry
         web      │ retry
`},
		{"whatever others print meanwhile", []func(*Console){
			says("web", "web-1", 2, "retry"), says("frontend", "frontend-1", 1, "hello"), says("web", "web-1", 2, "retry"), after(foldFor + 1),
		}, `
         web      │ retry
         frontend │ hello
         web      │ last line repeated 3 times
`},
		{"and another generation's is another line", []func(*Console){says("web", "web-1", 2, "retry"), says("web", "web-2", 1, "retry")}, `
         web      │ retry
         web      │ retry
         web      │ retry
`},
		{"of a file, too", []func(*Console){func(c *Console) {
			for range 3 {
				c.Line(deployer.Line{Service: "web", Generation: "web-1", File: "a.log", Text: "x"})
			}
			says("web", "web-1", 1, "x")(c)
		}}, `
         web      │ a.log: x
         web      │ last line repeated 2 times
         web      │ x
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shownInTime(t, plainReader, []string{"frontend", "web"}, func(console *Console) {
				for _, tell := range c.told {
					tell(console)
				}
			})
			if want := lines(c.want); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestOneBuildIsOneLine(t *testing.T) {
	services := []string{"frontend", "person", "session", "web"}
	all := func(c *Console) { changes(services...)(c) }
	for _, c := range []struct {
		name string
		told []func(*Console)
		want string
	}{
		{"that names how many services changed", []func(*Console){
			changes("web"), after(gatherFor / 2), changes("person"), after(gatherFor / 2), changes("session", "frontend"), after(time.Second),
			wentLive("person"), wentLive("session"), wentLive("frontend"), wentLive("web"),
		}, `
12:00:00          changed  4 services: frontend, person, session, web
12:00:01 person   live     person-2  3fa2c1d0  10.0.3.9:80  1.00 s
12:00:01 session  live     session-2  3fa2c1d0  10.0.3.9:80  1.00 s
12:00:01 frontend live     frontend-2  3fa2c1d0  10.0.3.9:80  1.00 s
12:00:01 web      live     web-2  3fa2c1d0  10.0.3.9:80  1.00 s
`},
		{"and of one service what changed", []func(*Console){changes("web"), after(gatherFor + 1)}, `
12:00:00 web      changed  web.jar (12 kB)
`},
		{"before any other event of one of them", []func(*Console){all, wentLive("web")}, `
12:00:00          changed  4 services: frontend, person, session, web
12:00:00 web      live     web-2  3fa2c1d0  10.0.3.9:80  1.00 s
`},
		{"and before the first that a new generation prints, while old ones print on", []func(*Console){
			says("web", "web-1", 1, "GET /1"), all, says("web", "web-1", 1, "GET /2"), says("web", "web-2", 1, "started"),
		}, `
         web      │ GET /1
         web      │ GET /2
12:00:00          changed  4 services: frontend, person, session, web
         web      │ started
`},
		{"and the next build is another", []func(*Console){changes("web"), after(gatherFor + 1), changes("web"), changes("web"), after(gatherFor + 1)}, `
12:00:00 web      changed  web.jar (12 kB)
12:00:00 web      changed  web.jar (12 kB)
12:00:00 web      changed  web.jar (12 kB)
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shownInTime(t, plainReader, services, func(console *Console) {
				for _, tell := range c.told {
					tell(console)
				}
			})
			if want := lines(c.want); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestAProgramReadsEveryLineAndChangeAtOnce(t *testing.T) {
	got := shownInTime(t, program, nil, func(c *Console) {
		says("web", "web-1", 2, "retry")(c)
		changes("web", "person")(c)
	})
	want := lines(`
{"service":"web","generation":"web-1","time":"2024-03-01T12:00:00Z","message":"retry"}
{"service":"web","generation":"web-1","time":"2024-03-01T12:00:00Z","message":"retry"}
{"level":"info","service":"web","files":"web.jar (12 kB)","time":"2024-03-01T12:00:00Z","message":"changed"}
{"level":"info","service":"person","files":"person.jar (12 kB)","time":"2024-03-01T12:00:00Z","message":"changed"}
`)
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// six are the services of the sample system.
var six = []string{"authentication", "authorisation", "frontend", "person", "session", "web"}

func TestSixServicesInterleaved(t *testing.T) {
	talk := func(c *Console) {
		for i := range 2 {
			for _, s := range six {
				says(s, s+"-1", 1, fmt.Sprintf("request %d", i))(c)
			}
		}
		c.Event(deployer.Event{Kind: deployer.Died, Service: "person", Generation: "person-1", Reason: "exited with status 1",
			Tail: []string{"Exception in thread \"main\" java.lang.Error: oh no", "\tat a.Person.main(Person.java:7)"}})
		says("web", "web-1", 1, "request 2")(c)
	}
	plain := lines(`
         authentication │ request 0
         authorisation  │ request 0
         frontend       │ request 0
         person         │ request 0
         session        │ request 0
         web            │ request 0
         authentication │ request 1
         authorisation  │ request 1
         frontend       │ request 1
         person         │ request 1
         session        │ request 1
         web            │ request 1
12:00:00 person         DIED     person-1: exited with status 1
         person         │ Exception in thread "main" java.lang.Error: oh no
         person         │ 	at a.Person.main(Person.java:7)
         web            │ request 2
`)
	if got := shownInTime(t, plainReader, six, talk); got != plain {
		t.Errorf("got:\n%swant:\n%s", got, plain)
	}
	coloured := lines(`
         <cyan>authentication │</> hello
         <magenta>authorisation  │</> hello
         ` + palette[2] + `frontend       │</> hello
         <amber>person         │</> hello
         ` + palette[4] + `session        │</> hello
         ` + palette[5] + `web            │</> hello
`)
	if got := shownInTime(t, colourReader, six, func(c *Console) {
		for _, s := range six {
			says(s, s+"-1", 1, "hello")(c)
		}
	}); got != coloured {
		t.Errorf("got:\n%swant:\n%s", got, coloured)
	}
}

func TestTheBellRingsWhenSomethingHasFailed(t *testing.T) {
	for _, c := range []struct {
		name string
		tell func(*Console)
		want int
	}{
		{"a deploy", fails(deployer.Failed, "web-2", "oh no"), 1},
		{"a live service", fails(deployer.Died, "web-2", "oh no"), 1},
		{"refused artefacts", func(c *Console) { c.Refused("web", "a.jar is cut off") }, 1},
		{"nothing", wentLive("web"), 0},
		{"a warning", func(c *Console) { c.Warn("web", "its folder is gone") }, 0},
		{"a service that says so itself", says("web", "web-1", 1, "\a"), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			console := plainReader.console(&out, nil, func() time.Time { return noon })
			console.rings = true
			c.tell(console)
			flushed(console) // lest a line that is held back is written meanwhile
			if n := bytes.Count(out.Bytes(), []byte(bell)); n != c.want {
				t.Errorf("it rings %d times, want %d: %q", n, c.want, out.String())
			}
			out.Reset()
			console.Mute()
			c.tell(console)
			flushed(console)
			if n := bytes.Count(out.Bytes(), []byte(bell)); n != 0 {
				t.Errorf("muted, it rings %d times", n)
			}
		})
	}
}
