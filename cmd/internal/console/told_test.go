package console

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/base"
)

func TestWhatIsToldBesideEvents(t *testing.T) {
	check(t, []view{
		{"a word of the agent itself", func(c *Console) { c.Say("stopped; what is live goes on serving") }, `
12:00:00          jarloop  stopped; what is live goes on serving
`, `
<dim>12:00:00</>          jarloop  stopped; what is live goes on serving
`, `
{"level":"info","time":"2024-03-01T12:00:00Z","message":"stopped; what is live goes on serving"}
`},
		{"artefacts have changed", func(c *Console) { c.Changed("web", "FrontendApplication.jar (12 kB)") }, `
12:00:00 web      changed  FrontendApplication.jar (12 kB)
`, `
<dim>12:00:00</> <magenta>web     </> changed  FrontendApplication.jar (12 kB)
`, `
{"level":"info","service":"web","files":"FrontendApplication.jar (12 kB)","time":"2024-03-01T12:00:00Z","message":"changed"}
`},
		{"artefacts are refused", func(c *Console) { c.Refused("web", "a.jar is cut off") }, `
12:00:00 web      refused  a.jar is cut off
`, `
<dim>12:00:00</> <magenta>web     </> <red>refused </> a.jar is cut off
`, `
{"level":"error","service":"web","reason":"a.jar is cut off","time":"2024-03-01T12:00:00Z","message":"refused"}
`},
		{"there is nothing to deploy yet", func(c *Console) { c.Missing("web", "a.jar is not there") }, `
12:00:00 web      missing  a.jar is not there
`, `
<dim>12:00:00</> <magenta>web     </> <dim>missing </> a.jar is not there
`, `
{"level":"info","service":"web","reason":"a.jar is not there","time":"2024-03-01T12:00:00Z","message":"missing"}
`},
		{"a configuration is refused", func(c *Console) { c.Refused("", "config.toml:3: watch.settel: unknown key") }, `
12:00:00          refused  config.toml:3: watch.settel: unknown key
`, `
<dim>12:00:00</>          <red>refused </> config.toml:3: watch.settel: unknown key
`, `
{"level":"error","reason":"config.toml:3: watch.settel: unknown key","time":"2024-03-01T12:00:00Z","message":"refused"}
`},
		{"a hook prints before there is a generation", func(c *Console) {
			c.Line(deployer.Line{Service: "web", File: "before_deploy", Text: "migrated"})
		}, `
         web      │ before_deploy: migrated
`, `
         <magenta>web      │</> <dim>before_deploy: </>migrated
`, `
{"service":"web","file":"before_deploy","time":"2024-03-01T12:00:00Z","message":"migrated"}
`},
		{"artefacts have changed back", func(c *Console) { c.Same("web", "") }, `
12:00:00 web      same     the same bytes as before
`, `
<dim>12:00:00</> <magenta>web     </> <dim>same    </> the same bytes as before
`, `
{"level":"info","service":"web","reason":"the same bytes as before","time":"2024-03-01T12:00:00Z","message":"unchanged"}
`},
		{"artefacts are still those that were refused", func(c *Console) { c.Same("web", "a.jar is\x1b[2J cut off") }, `
12:00:00 web      same     the same bytes as before, which were refused: a.jar is[2J cut off
`, `
<dim>12:00:00</> <magenta>web     </> <dim>same    </> the same bytes as before, which were refused: a.jar is[2J cut off
`, `
{"level":"info","service":"web","reason":"the same bytes as before, which were refused: a.jar is\u001b[2J cut off","time":"2024-03-01T12:00:00Z","message":"unchanged"}
`},
		{"a warning about a service", func(c *Console) { c.Warn("web", "its folder is gone") }, `
12:00:00 web      warning  its folder is gone
`, `
<dim>12:00:00</> <magenta>web     </> <amber>warning </> its folder is gone
`, `
{"level":"warn","service":"web","time":"2024-03-01T12:00:00Z","message":"its folder is gone"}
`},
		{"a warning about all", func(c *Console) { c.Warn("", "the shared folder is gone") }, `
12:00:00          warning  the shared folder is gone
`, `
<dim>12:00:00</>          <amber>warning </> the shared folder is gone
`, `
{"level":"warn","time":"2024-03-01T12:00:00Z","message":"the shared folder is gone"}
`},
		{"a line on a service's output", func(c *Console) {
			c.Line(deployer.Line{Service: "web", Generation: "web-3", Text: "GET /health 200"})
		}, `
         web      │ GET /health 200
`, `
         <magenta>web      │</> GET /health 200
`, `
{"service":"web","generation":"web-3","time":"2024-03-01T12:00:00Z","message":"GET /health 200"}
`},
		{"a line in a service's file", func(c *Console) {
			c.Line(deployer.Line{Service: "web", Generation: "web-3", File: "access.log", Text: "GET /"})
		}, `
         web      │ access.log: GET /
`, `
         <magenta>web      │</> <dim>access.log: </>GET /
`, `
{"service":"web","generation":"web-3","file":"access.log","time":"2024-03-01T12:00:00Z","message":"GET /"}
`},
		{"a base is ready", func(c *Console) { c.Built("web-base", "web-base-3f2a") }, `
12:00:00 web-base built    web-base-3f2a
`, `
<dim>12:00:00</> web-base <green>built   </> web-base-3f2a
`, `
{"level":"info","base":"web-base","container":"web-base-3f2a","time":"2024-03-01T12:00:00Z","message":"built"}
`},
		{"a base came from a file", func(c *Console) { c.Imported("web-base", "web-base-3f2a") }, `
12:00:00 web-base imported web-base-3f2a
`, `
<dim>12:00:00</> web-base <green>imported</> web-base-3f2a
`, `
{"level":"info","base":"web-base","container":"web-base-3f2a","time":"2024-03-01T12:00:00Z","message":"imported"}
`},
		{"a base is in a file", func(c *Console) { c.Exported("web-base", "/tmp/web\x1b[2J.zst", 81_234_567) }, `
12:00:00 web-base exported /tmp/web[2J.zst  81 MB
`, `
<dim>12:00:00</> web-base <green>exported</> /tmp/web[2J.zst  81 MB
`, `
{"level":"info","base":"web-base","file":"/tmp/web\u001b[2J.zst","bytes":81234567,"time":"2024-03-01T12:00:00Z","message":"exported"}
`},
		{"a base is being imported", func(c *Console) {
			c.Progress(base.Progress{Doing: "importing", Base: "web-base", Step: "unpack", Line: "40 of 81 MB", Elapsed: 2 * time.Second, Estimate: 4 * time.Second})
		}, `
12:00:00 web-base importing unpack  2 s of about 4 s  40 of 81 MB
`, `
<dim>12:00:00</> web-base importing unpack  2 s of about 4 s  <dim>40 of 81 MB</>
`, `
{"level":"info","base":"web-base","step":"unpack","line":"40 of 81 MB","elapsed_ms":2000,"estimate_ms":4000,"time":"2024-03-01T12:00:00Z","message":"importing"}
`},
		{"a base is being built", func(c *Console) {
			c.Progress(base.Progress{Doing: "building", Base: "web-base", Step: "install packages", Elapsed: 1600 * time.Millisecond})
		}, `
12:00:00 web-base building install packages  2 s
`, `
<dim>12:00:00</> web-base building install packages  2 s
`, `
{"level":"info","base":"web-base","step":"install packages","elapsed_ms":1600,"time":"2024-03-01T12:00:00Z","message":"building"}
`},
		{"a base is being built again, and its tool says something", func(c *Console) {
			c.Progress(base.Progress{Doing: "building", Base: "web-base", Step: "install packages", Line: "unpacking nginx", Elapsed: 12 * time.Second, Estimate: 34 * time.Second})
		}, `
12:00:00 web-base building install packages  12 s of about 34 s  unpacking nginx
`, `
<dim>12:00:00</> web-base building install packages  12 s of about 34 s  <dim>unpacking nginx</>
`, `
{"level":"info","base":"web-base","step":"install packages","line":"unpacking nginx","elapsed_ms":12000,"estimate_ms":34000,"time":"2024-03-01T12:00:00Z","message":"building"}
`},
	})
}

func TestProgressTellsEachStepAndNowAndThenALine(t *testing.T) {
	now := noon
	var out bytes.Buffer
	c := plainReader.console(&out, nil, func() time.Time { return now })
	for _, p := range []struct {
		after      time.Duration // since the build began
		step, line string
	}{
		{0, "unpack", ""},
		{time.Second, "unpack", "too soon after the step"},
		{5*time.Second - 1, "unpack", "still too soon"},
		{5 * time.Second, "unpack", "due"},
		{6 * time.Second, "unpack", "too soon after the line"},
		{7 * time.Second, "install", ""},
		{8 * time.Second, "trim", ""},
		{12 * time.Second, "trim", "five seconds count from the step before"},
		{13 * time.Second, "trim", "due again"},
	} {
		now = noon.Add(p.after)
		c.Progress(base.Progress{Doing: "building", Base: "b", Step: p.step, Line: p.line, Elapsed: p.after})
	}
	want := lines(`
12:00:00 b        building unpack  0 s
12:00:05 b        building unpack  5 s  due
12:00:07 b        building install  7 s
12:00:08 b        building trim  8 s
12:00:13 b        building trim  13 s  due again
`)
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", &out, want)
	}
}

func TestManyTellAtOnceAndEachLineStaysWhole(t *testing.T) {
	for name, r := range map[string]reader{"a person": colourReader, "a program": program} {
		t.Run(name, func(t *testing.T) {
			f, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c := r.console(f, []string{"web"}, func() time.Time { return noon })
			const tellers, each = 8, 50
			var all sync.WaitGroup
			for range tellers {
				all.Go(func() {
					for range each {
						c.Changed("web", strings.Repeat("x", 300))
						c.Progress(base.Progress{Doing: "building", Base: "web", Step: strings.Repeat("y", 300)})
					}
				})
			}
			all.Wait()
			flushed(c)
			text, err := os.ReadFile(f.Name())
			if err != nil {
				t.Fatal(err)
			}
			count := map[string]int{}
			for line := range strings.Lines(string(text)) {
				count[line]++
			}
			if len(count) != 2 {
				t.Errorf("%d kinds of lines, want 2", len(count))
			}
			for line, n := range count {
				if n != tellers*each {
					t.Errorf("%d of %q, want %d", n, line, tellers*each)
				}
			}
		})
	}
}
