package console

import (
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

const set = "3fa2c1d0e5b49687"

func event(e deployer.Event) func(*Console) {
	e.Service = "frontend"
	return func(c *Console) { c.Event(e) }
}

func TestEvents(t *testing.T) {
	check(t, []view{
		{"a generation went live, and the slow steps are named",
			event(deployer.Event{Kind: deployer.WentLive, Generation: "frontend-8", Set: set, Address: "10.0.3.131:8081",
				Took: 980 * time.Millisecond, Steps: []deployer.Step{
					{Name: "clone", Took: 49 * time.Millisecond}, {Name: "boot", Took: 50 * time.Millisecond}, {Name: "prove", Took: 614 * time.Millisecond},
				}}), `
12:00:00 frontend live     frontend-8  3fa2c1d0  10.0.3.131:8081  0.98 s (boot 0.05, prove 0.61)
`, `
<dim>12:00:00</> <cyan>frontend</> <green>live    </> frontend-8  3fa2c1d0  10.0.3.131:8081  0.98 s (boot 0.05, prove 0.61)
`, `
{"level":"info","service":"frontend","generation":"frontend-8","set":"3fa2c1d0e5b49687","address":"10.0.3.131:8081","took_ms":980,"steps_ms":{"clone":49,"boot":50,"prove":614},"time":"2024-03-01T12:00:00Z","message":"live"}
`},
		{"of many slow steps three are named, in their order",
			event(deployer.Event{Kind: deployer.WentLive, Generation: "frontend-8", Set: "3fa2", Address: "10.0.3.131:8081",
				Took: 1800 * time.Millisecond, Steps: []deployer.Step{
					{Name: "settle", Took: 70 * time.Millisecond}, {Name: "clone", Took: 430 * time.Millisecond}, {Name: "boot", Took: 250 * time.Millisecond},
					{Name: "start", Took: 610 * time.Millisecond}, {Name: "prove", Took: 430 * time.Millisecond},
				}}), `
12:00:00 frontend live     frontend-8  3fa2  10.0.3.131:8081  1.80 s (clone 0.43, start 0.61, prove 0.43)
`, `
<dim>12:00:00</> <cyan>frontend</> <green>live    </> frontend-8  3fa2  10.0.3.131:8081  1.80 s (clone 0.43, start 0.61, prove 0.43)
`, `
{"level":"info","service":"frontend","generation":"frontend-8","set":"3fa2","address":"10.0.3.131:8081","took_ms":1800,"steps_ms":{"settle":70,"clone":430,"boot":250,"start":610,"prove":430},"time":"2024-03-01T12:00:00Z","message":"live"}
`},
		{"a generation went live without a slow step",
			event(deployer.Event{Kind: deployer.WentLive, Generation: "frontend-8", Set: "3fa2", Address: "10.0.3.131:8081",
				Took: 41 * time.Millisecond, Steps: []deployer.Step{{Name: "clone", Took: 12 * time.Millisecond}}}), `
12:00:00 frontend live     frontend-8  3fa2  10.0.3.131:8081  0.04 s
`, `
<dim>12:00:00</> <cyan>frontend</> <green>live    </> frontend-8  3fa2  10.0.3.131:8081  0.04 s
`, `
{"level":"info","service":"frontend","generation":"frontend-8","set":"3fa2","address":"10.0.3.131:8081","took_ms":41,"steps_ms":{"clone":12},"time":"2024-03-01T12:00:00Z","message":"live"}
`},
		{"a generation went live, and its port was found out",
			event(deployer.Event{Kind: deployer.WentLive, Generation: "frontend-8", Set: "3fa2", Address: "10.0.3.131:8081",
				Took: 41 * time.Millisecond, Reason: "listens on 8081"}), `
12:00:00 frontend live     frontend-8  3fa2  10.0.3.131:8081  0.04 s  listens on 8081
`, `
<dim>12:00:00</> <cyan>frontend</> <green>live    </> frontend-8  3fa2  10.0.3.131:8081  0.04 s  listens on 8081
`, `
{"level":"info","service":"frontend","generation":"frontend-8","set":"3fa2","address":"10.0.3.131:8081","reason":"listens on 8081","took_ms":41,"time":"2024-03-01T12:00:00Z","message":"live"}
`},
		{"a deploy failed, the old generation serves, and the trace is whole",
			event(deployer.Event{Kind: deployer.Failed, Generation: "frontend-9", Set: set, Step: "prove", Reason: "the process ended with status 1",
				Serving: "frontend-8", Tail: []string{"Exception in thread \"main\" java.lang.Error", "    at Main.main(Main.java:3)"}}), `
12:00:00 frontend FAILED   3fa2c1d0  the process ended with status 1  (frontend-8 still serves)
         frontend │ Exception in thread "main" java.lang.Error
         frontend │     at Main.main(Main.java:3)
`, `
<dim>12:00:00</> <cyan>frontend</> <red>FAILED  </> 3fa2c1d0  the process ended with status 1  <amber>(frontend-8 still serves)</>
         <cyan>frontend │</> Exception in thread "main" java.lang.Error
         <cyan>frontend │</>     at Main.main(Main.java:3)
`, `
{"level":"error","service":"frontend","generation":"frontend-9","set":"3fa2c1d0e5b49687","step":"prove","reason":"the process ended with status 1","serving":"frontend-8","tail":["Exception in thread \"main\" java.lang.Error","    at Main.main(Main.java:3)"],"time":"2024-03-01T12:00:00Z","message":"failed"}
`},
		{"a deploy failed, and how to look inside is told once",
			func(c *Console) {
				for _, service := range []string{"frontend", "person"} {
					c.Event(deployer.Event{Kind: deployer.Failed, Service: service, Generation: service + "-9", Set: set, Step: "prove", Reason: "status 1", Serving: service + "-8", Kept: true})
				}
			}, `
12:00:00 frontend FAILED   3fa2c1d0  status 1  (frontend-8 still serves)
12:00:00 frontend kept     frontend-9  jarloop enter frontend --failed looks inside
12:00:00 person   FAILED   3fa2c1d0  status 1  (person-8 still serves)
`, `
<dim>12:00:00</> <cyan>frontend</> <red>FAILED  </> 3fa2c1d0  status 1  <amber>(frontend-8 still serves)</>
<dim>12:00:00</> <cyan>frontend</> <dim>kept    </> frontend-9  jarloop enter frontend --failed looks inside
<dim>12:00:00</> person   <red>FAILED  </> 3fa2c1d0  status 1  <amber>(person-8 still serves)</>
`, `
{"level":"error","service":"frontend","generation":"frontend-9","set":"3fa2c1d0e5b49687","step":"prove","reason":"status 1","serving":"frontend-8","time":"2024-03-01T12:00:00Z","message":"failed"}
{"level":"error","service":"person","generation":"person-9","set":"3fa2c1d0e5b49687","step":"prove","reason":"status 1","serving":"person-8","time":"2024-03-01T12:00:00Z","message":"failed"}
`},
		{"a deploy failed, and nothing serves",
			event(deployer.Event{Kind: deployer.Failed, Set: set, Step: "clone", Reason: "clone frontend-1 from service-base: no space left on device"}), `
12:00:00 frontend FAILED   3fa2c1d0  clone frontend-1 from service-base: no space left on device  (nothing serves)
`, `
<dim>12:00:00</> <cyan>frontend</> <red>FAILED  </> 3fa2c1d0  clone frontend-1 from service-base: no space left on device  <amber>(nothing serves)</>
`, `
{"level":"error","service":"frontend","set":"3fa2c1d0e5b49687","step":"clone","reason":"clone frontend-1 from service-base: no space left on device","time":"2024-03-01T12:00:00Z","message":"failed"}
`},
		{"a live service ended",
			event(deployer.Event{Kind: deployer.Died, Generation: "frontend-8", Reason: "killed for memory", Tail: []string{"the last line"}}), `
12:00:00 frontend DIED     frontend-8: killed for memory
         frontend │ the last line
`, `
<dim>12:00:00</> <cyan>frontend</> <red>DIED    </> frontend-8: killed for memory
         <cyan>frontend │</> the last line
`, `
{"level":"error","service":"frontend","generation":"frontend-8","reason":"killed for memory","tail":["the last line"],"time":"2024-03-01T12:00:00Z","message":"died"}
`},
		{"the previous generation is live again",
			event(deployer.Event{Kind: deployer.Back, Generation: "frontend-7", Set: set, Reason: "frontend-8 ended"}), `
12:00:00 frontend back     frontend-7  3fa2c1d0 is live again: frontend-8 ended
`, `
<dim>12:00:00</> <cyan>frontend</> <amber>back    </> frontend-7  3fa2c1d0 is live again: frontend-8 ended
`, `
{"level":"warn","service":"frontend","generation":"frontend-7","set":"3fa2c1d0e5b49687","reason":"frontend-8 ended","time":"2024-03-01T12:00:00Z","message":"back"}
`},
		{"a generation was found at the start",
			event(deployer.Event{Kind: deployer.Adopted, Generation: "frontend-7", Set: set, Address: "10.0.3.130:8081", Reason: "it serves on"}), `
12:00:00 frontend live     frontend-7  3fa2c1d0  10.0.3.130:8081  it serves on
`, `
<dim>12:00:00</> <cyan>frontend</> live     frontend-7  3fa2c1d0  10.0.3.130:8081  it serves on
`, `
{"level":"info","service":"frontend","generation":"frontend-7","set":"3fa2c1d0e5b49687","address":"10.0.3.130:8081","reason":"it serves on","time":"2024-03-01T12:00:00Z","message":"adopted"}
`},
	})
}

func TestEventsOnTheSide(t *testing.T) {
	check(t, []view{
		{"an ended service was started again",
			event(deployer.Event{Kind: deployer.Restarted, Generation: "frontend-8", Reason: "it ended with status 1"}), `
12:00:00 frontend restart  frontend-8  it ended with status 1
`, `
<dim>12:00:00</> <cyan>frontend</> <amber>restart </> frontend-8  it ended with status 1
`, `
{"level":"warn","service":"frontend","generation":"frontend-8","reason":"it ended with status 1","time":"2024-03-01T12:00:00Z","message":"restarted"}
`},
		{"what somebody had changed was put back",
			event(deployer.Event{Kind: deployer.Repaired, Reason: "the rules had been changed"}), `
12:00:00 frontend repaired the rules had been changed
`, `
<dim>12:00:00</> <cyan>frontend</> <amber>repaired</> the rules had been changed
`, `
{"level":"warn","service":"frontend","reason":"the rules had been changed","time":"2024-03-01T12:00:00Z","message":"repaired"}
`},
		{"something went wrong that stops nothing",
			event(deployer.Event{Kind: deployer.Warning, Reason: "old logs not removed"}), `
12:00:00 frontend warning  old logs not removed
`, `
<dim>12:00:00</> <cyan>frontend</> <amber>warning </> old logs not removed
`, `
{"level":"warn","service":"frontend","reason":"old logs not removed","time":"2024-03-01T12:00:00Z","message":"warning"}
`},
		{"a deploy waits for what it needs",
			event(deployer.Event{Kind: deployer.Waiting, Reason: "waits for person"}), `
12:00:00 frontend waiting  for person
`, `
<dim>12:00:00</> <cyan>frontend</> waiting  for person
`, `
{"level":"info","service":"frontend","reason":"waits for person","time":"2024-03-01T12:00:00Z","message":"waiting"}
`},
		{"an old generation is gone",
			event(deployer.Event{Kind: deployer.Retired, Generation: "frontend-7"}), `
12:00:00 frontend retired  frontend-7
`, `
<dim>12:00:00</> <cyan>frontend</> <dim>retired </> frontend-7
`, `
{"level":"info","service":"frontend","generation":"frontend-7","time":"2024-03-01T12:00:00Z","message":"retired"}
`},
		{"there was nothing to do",
			event(deployer.Event{Kind: deployer.Unchanged, Generation: "frontend-8", Set: set, Reason: "it is live already"}), `
12:00:00 frontend same     frontend-8  3fa2c1d0  it is live already
`, `
<dim>12:00:00</> <cyan>frontend</> <dim>same    </> frontend-8  3fa2c1d0  it is live already
`, `
{"level":"info","service":"frontend","generation":"frontend-8","set":"3fa2c1d0e5b49687","reason":"it is live already","time":"2024-03-01T12:00:00Z","message":"unchanged"}
`},
		{"a deploy began: a person hears of its end",
			event(deployer.Event{Kind: deployer.Deploying, Generation: "frontend-8", Set: set}), ``, ``, `
{"level":"info","service":"frontend","generation":"frontend-8","set":"3fa2c1d0e5b49687","time":"2024-03-01T12:00:00Z","message":"deploying"}
`},
		{"a reason cannot forge a line, nor colour it",
			event(deployer.Event{Kind: deployer.Warning, Reason: "nginx: \x1b[2J\x1b[31mgone\r\n12:00:00 web live\u202e\xff"}), `
12:00:00 frontend warning  nginx: [2J[31mgone  12:00:00 web live�
`, `
<dim>12:00:00</> <cyan>frontend</> <amber>warning </> nginx: [2J[31mgone  12:00:00 web live�
`, "\n" + `{"level":"warn","service":"frontend","reason":"nginx: \u001b[2J\u001b[31mgone\r\n12:00:00 web live` + "\u202e" + `\ufffd","time":"2024-03-01T12:00:00Z","message":"warning"}`},
	})
}
