package main

import (
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer/lxc"
)

// memory gives how much a container holds.
func (s *system) memory(container string) int64 {
	s.t.Helper()
	engine, err := lxc.New(lxc.Options{
		Path: s.LXC, Logs: filepath.Join(s.Dir, "state", "logs"), Child: s.VM(s.ctx, s.program, self.LXCCall).Args,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	defer engine.Close()
	bytes, err := engine.Memory(s.ctx, container)
	if err != nil {
		s.t.Fatal(err)
	}
	return bytes
}

// keptTest is told of a generation of person whose main threw: it can be entered,
// with an agent and without, until a deploy has gone well.
func (s *system) keptTest(before inventory, failed string) {
	t := s.t
	t.Helper()
	lookInside := func() {
		t.Helper()
		if out, code := s.enterAny("person", "--failed", "--", "ls", "/person"); code != 0 || !strings.Contains(out, "PersonApplication.jar\n") {
			t.Errorf("to look inside exits with %d: %s", code, out)
		}
		if out, code := s.enterAny("person", "--failed", "--", "cat", "/etc/hostname"); code != 0 || out != failed+"\n" {
			t.Errorf("entered was %s, not %s; exit status %d", out, failed, code)
		}
	}
	s.invariantBut(before, "person")
	lookInside()
	if out, code := s.verb("status"); code != 1 || !strings.Contains(out, failed+" is kept") {
		t.Errorf("status exits with %d: %s", code, out)
	}
	t.Logf("what is kept holds %d kB, what is live %d kB", s.memory(failed)>>10, s.memory(s.live()["person"])>>10)

	// The next agent tries the same artefacts once more: what is kept then is of that.
	if code := s.agent.stop(); code != 0 {
		t.Errorf("the agent left with %d", code)
	}
	lookInside()
	s.run()
	again := s.agent.await(0, "failed", "person").Generation
	if again == failed {
		t.Errorf("%s has failed again", again)
	}
	failed = again
	s.invariantBut(before, "person")
	lookInside()

	from := s.agent.now()
	s.edit(personSource, map[string]string{"if (true) throw": "if (false) throw"})
	s.gradle(":person:buildJar")
	s.agent.await(from, "live", "person")
	s.invariant(before)
	if out, code := s.enterAny("person", "--failed", "--", "true"); code != 1 || !strings.Contains(out, "no failed generation of person is kept") {
		t.Errorf("when it is gone, to look inside exits with %d: %s", code, out)
	}
}
