package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// upgradeTest replaces the program while a deploy runs, and then restarts the
// unit while another does.
func (p *pages) upgradeTest(t *testing.T, before inventory) {
	other, err := buildCrashing() // without a place to crash at it is another build, no more
	if err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(p.Dir, "jarloop")
	install := func(program string) {
		t.Helper()
		text, err := os.ReadFile(program)
		if err == nil {
			err = os.WriteFile(installed+".new", text, 0o755)
		}
		if err == nil {
			err = os.Rename(installed+".new", installed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	proving := func() {
		t.Helper()
		from := p.agent.now()
		p.write(p.artefact("hold"), "")
		p.save()
		p.agent.await(from, "deploying", "page")
		p.agent.eventually("a candidate runs", func() bool {
			records, _ := filepath.Glob(filepath.Join(p.LXC, "page-*/jarloop.json"))
			return anyContains(t, records, `"candidate"`)
		})
	}
	release := func() {
		t.Helper()
		if err := os.Remove(p.artefact("hold")); err != nil {
			t.Fatal(err)
		}
		p.awaitServed()
		p.invariant(before)
	}
	install(p.program)
	p.ended()
	p.program = installed
	p.run()
	p.agent.await(0, "adopted", "page")
	inits := p.inits()

	proving()
	install(other)
	release() // by the program that is not there any more
	proving()
	if code := p.ended(); code != 0 {
		t.Errorf("the agent left with %d", code)
	}
	p.run()
	p.agent.await(0, "adopted", "page")
	if running, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.agent.cmd.Process.Pid)); err != nil || running != installed {
		t.Errorf("what runs is %s, %v", running, err)
	}
	p.agent.await(0, "deploying", "page")
	release()
	if got := differing(inits, p.inits()); !slices.Equal(got, []string{"page"}) {
		t.Errorf("other processes in %v", got)
	}
}

func (p *pages) signalTest(t *testing.T, before inventory) {
	inits := p.inits()
	from := p.agent.now()
	if err := p.agent.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.agent.eventually("the agent is stopped", func() bool {
		return strings.Contains(p.readAt(fmt.Sprintf("/proc/%d/stat", p.agent.cmd.Process.Pid)), ") T ")
	})
	p.save()
	client := p.Client(false)
	for range 50 {
		if _, err := p.get(client, "/api"); err != nil {
			t.Fatalf("without its agent: %v", err)
		}
	}
	if early := p.agent.said(from, isDeploy("page")); len(early) > 0 {
		t.Errorf("one that is stopped deploys: %s", early[0].text)
	}
	if err := p.agent.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.agent.await(from, "live", "page")
	p.invariant(before)
	if got := differing(inits, p.inits()); !slices.Equal(got, []string{"page"}) {
		t.Errorf("other processes in %v", got)
	}
	inits = p.inits()
	if code := p.ended(); code != 0 {
		t.Errorf("the agent left with %d", code)
	}
	p.run()
	p.agent.await(0, "adopted", "page")
	p.invariant(before)
	if got := differing(inits, p.inits()); len(got) > 0 {
		t.Errorf("other processes in %v", got)
	}
}
