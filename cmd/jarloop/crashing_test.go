package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
)

// act is something that the agent does and can be killed at (package crash).
type act struct {
	name string
	took time.Duration
}

// moment is a point to be killed at, as package crash reads it.
type moment string

// moments gives those before, in and after an act.
func (a act) moments() []moment {
	half := a.took.Seconds() * 1000 / 2
	return []moment{
		moment("before 1 0 " + a.name),
		moment(fmt.Sprintf("in 1 %f %s", half, a.name)),
		moment("after 1 0 " + a.name),
	}
}

// forKills skips a test that is not among the others: see make kill in the Makefile.
func forKills(t *testing.T) {
	t.Helper()
	if os.Getenv("JARLOOP_KILL") == "" {
		t.Skip("takes minutes, with the machine to itself: make kill")
	}
}

// chosen gives the moments of an act to die at: all with JARLOOP_KILL=all in the
// environment (make kill), with JARLOOP_KILL=one one, another for each act in turn.
func (c *crashing) chosen(a act) []moment {
	all := a.moments()
	if os.Getenv("JARLOOP_KILL") == "all" {
		return all
	}
	c.turn++
	i := c.turn % len(all)
	return all[i : i+1]
}

// crashing is a system whose agent can be told where to die.
type crashing struct {
	*system
	folder   string        // of package crash
	original string        // settings of person
	saved    int           // how often
	turn     int           // see chosen
	cells    int           // deaths that it recovered from
	patience time.Duration // for a death
	missed   []string
}

func newCrashing(t *testing.T, s *system) *crashing {
	t.Helper()
	program, err := buildCrashing()
	if err != nil {
		t.Fatal(err)
	}
	s.program = program
	c := &crashing{system: s, folder: t.TempDir(), patience: time.Minute}
	t.Setenv("JARLOOP_CRASH", c.folder)
	c.disarm()
	return c
}

// arm says where to die from now on, once.
func (c *crashing) arm(m moment) {
	c.t.Helper()
	c.write(filepath.Join(c.folder, "at.new"), string(m))
	if err := os.Rename(filepath.Join(c.folder, "at.new"), filepath.Join(c.folder, "at")); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashing) disarm() { c.arm("never") }

// acts runs do and gives the acts that ended meanwhile, each once.
func (c *crashing) acts(do func()) []act {
	c.t.Helper()
	passed := filepath.Join(c.folder, "passed")
	_ = os.Remove(passed)
	c.arm("nowhere")
	do()
	f, err := os.Open(passed)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	var all []act
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var number int
		var ms float64
		if _, err := fmt.Sscanf(lines.Text(), "%d %f", &number, &ms); err != nil {
			c.t.Fatalf("%q: %v", lines.Text(), err)
		}
		name := strings.SplitN(lines.Text(), " ", 3)[2]
		if !slices.ContainsFunc(all, func(a act) bool { return a.name == name }) {
			all = append(all, act{name, time.Duration(ms * float64(time.Millisecond))})
		}
	}
	return all
}

// dies does what makes the agent come to the moment, and waits for its end. It
// is false where the agent has done all that without coming there.
func (c *crashing) dies(m moment, do func(), done func() bool) bool {
	c.t.Helper()
	c.arm(m)
	do()
	defer c.disarm()
	deadline := time.Now().Add(c.patience)
	for {
		select {
		case <-c.agent.done:
			c.agent.kill()
			return true
		case <-time.After(20 * time.Millisecond):
		}
		if done() {
			return false
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("neither dead nor done at %q\n%s", m, c.agent.output())
		}
	}
}

// settings is the artefact that the test changes.
func (c *crashing) settings() string { return filepath.Join(c.Share, "volume-person", "config.yml") }

// save writes new artefacts of person, which are good or make its main throw.
func (c *crashing) save(good bool) {
	c.t.Helper()
	c.saved++
	line := fmt.Sprintf("# saved %d\n", c.saved)
	if !good {
		line = fmt.Sprintf("nonsense %d\n", c.saved)
	}
	c.write(c.settings(), c.original+line)
}

// ask gives the status, which is empty while no agent answers.
func (c *crashing) ask() control.Status {
	c.t.Helper()
	status, err := c.control.Status(c.ctx)
	if err != nil {
		return control.Status{}
	}
	return status
}

// arrived says whether what was saved last is what serves, and all is at rest.
func (c *crashing) arrived() bool {
	c.t.Helper()
	status := c.ask()
	for _, s := range status.Services {
		if s.State != "live" || s.Standby == "" || len(s.Draining) > 0 {
			return false
		}
		if s.Service != "person" {
			continue
		}
		out, err := c.VM(c.ctx, "lxc-attach", "-P", c.LXC, "-n", s.Generation, "--", "cat", "/person/config.yml").Output()
		if err != nil || !strings.HasSuffix(string(out), fmt.Sprintf("# saved %d\n", c.saved)) {
			return false
		}
	}
	return len(status.Services) > 0
}

// failed gives what says whether the agent has told since then that a deploy of
// person failed.
func (c *crashing) failed(from int) func() bool {
	return func() bool {
		return len(c.agent.said(from, func(l logLine) bool { return l.Message == "failed" && l.Service == "person" })) > 0
	}
}

// fail saves artefacts that fail, of which one is kept then.
func (c *crashing) fail() {
	c.t.Helper()
	from := c.agent.now()
	c.save(false)
	c.agent.eventually("it failed", c.failed(from))
}

// recovered says whether the agent is through with its recovery: it looks at
// artefacts only then.
func (c *crashing) recovered() bool {
	return len(c.agent.said(0, func(l logLine) bool { return l.Message == "unchanged" && l.Service == "web" })) > 0
}

// recovers starts the agent again and checks what it makes of things.
func (c *crashing) recovers(before inventory) {
	c.t.Helper()
	c.run()
	c.agent.await(0, "adopted", "person")
	c.agent.eventually("what was saved last serves", c.arrived)
	c.invariant(before)
	if c.t.Failed() {
		c.t.Fatalf("what the agent said since its start:\n%s", c.agent.output())
	}
	c.cells++
}

// removes says whether the act is part of the removal of a generation, and keeps
// whether it is part of keeping one.
func removes(a act) bool { return a.name == "lxc stop" || a.name == "lxc destroy" }
func keeps(a act) bool {
	return a.name == "keep" || a.name == "record kept" || a.name == "lxc kill" || a.name == "lxc run"
}

// killed runs a verb that is to die at the moment, and says whether it did.
func (c *crashing) killed(m moment, verb ...string) bool {
	c.t.Helper()
	c.arm(m)
	defer c.disarm()
	_, code := c.verb(verb...)
	return code == -1
}

// nothingLeft checks that nothing of any generation is there.
func (c *crashing) nothingLeft() {
	c.t.Helper()
	entries, err := os.ReadDir(c.LXC)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "small") {
			c.t.Errorf("%s is left", e.Name())
		}
	}
	if rules := c.rules(); strings.Contains(strings.ToLower(rules), "jarloop") {
		c.t.Errorf("rules are left: %s", rules)
	}
	if veths := c.veths(); veths != 1 {
		c.t.Errorf("%d veths are left", veths-1)
	}
	if left := c.monitored(); len(left) > 0 {
		c.t.Errorf("still running: %v", left)
	}
	for _, folder := range []string{"state", "run"} {
		if _, err := os.Stat(filepath.Join(c.Dir, folder)); !os.IsNotExist(err) {
			c.t.Errorf("%s is left: %v", folder, err)
		}
	}
}
