package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/pty"
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

// shutdownTest ends the agent as systemd does, with the machine on and going down.
func (p *pages) shutdownTest(t *testing.T, before inventory) {
	live := p.live()
	stop := func(state string, status int) string {
		t.Helper()
		p.tool(filepath.Join(p.Dir, "bin", "systemctl"), `[ "$*" = is-system-running ] && echo `+state)
		out, code := p.verb("stop", "--at-shutdown")
		if code != status {
			t.Errorf("stop exits with %d: %s", code, out)
		}
		return out
	}
	if out := stop("stopping", 1); !strings.Contains(out, "stop it first") {
		t.Errorf("beside an agent: %s", out)
	}
	p.ended()
	running := p.monitored()
	if out := stop("running", 0); out != "" || !slices.Equal(p.monitored(), running) {
		t.Errorf("on a machine that stays on: %q", out)
	}
	out := stop("stopping", 0)
	for _, name := range live {
		if !strings.Contains(out, "stopped container "+name+"\n") {
			t.Errorf("%s is not stopped: %s", name, out)
		}
	}
	if left := p.monitored(); len(left) > 0 {
		t.Errorf("containers run on: %q", left)
	}
	p.run()
	p.awaitServed()
	p.settled()
	if again := p.live(); !maps.Equal(again, live) {
		t.Errorf("live is %v, and was %v", again, live)
	}
	p.invariant(before)
}

// partTest starts the agent for one caller, and then for all.
func (p *pages) partTest(t *testing.T) {
	p.ended()
	p.only = []string{"caller1"}
	p.run()
	p.agent.eventually("no other services have containers", func() bool {
		of := slices.Sorted(maps.Keys(p.generations()))
		return slices.Equal(of, []string{"caller1", "page"})
	})
	p.awaitServed()
	if out, _ := p.verb("status"); !strings.Contains(out, "left out: caller2, caller3, caller4, caller5; ") {
		t.Errorf("status says nothing of the others: %s", out)
	}
	if out, code := p.verb("deploy", "caller2"); code != 1 && code != 2 || !strings.Contains(out, "the agent leaves out caller2") {
		t.Errorf("deploy of one that is left out exits with %d: %s", code, out)
	}
	p.ended()
	p.only = nil
	p.run()
	p.agent.eventually("all are live", func() bool { return !slices.Contains(p.names(), "") })
}

// muteTest takes from the agent whoever listens to it.
func (p *pages) muteTest(t *testing.T, before inventory) {
	p.ended()
	screen, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	p.runInto(terminal, &syscall.SysProcAttr{Setsid: true, Setctty: true})
	terminal.Close()
	shown := make(chan struct{})
	go func() { // until it is closed
		defer close(shown)
		_, _ = io.Copy(io.Discard, screen)
	}()
	p.status()     // it answers
	screen.Close() // hangs up: SIGHUP, and an error for each write
	<-shown
	p.save()
	p.awaitServed()
	if code := p.ended(); code != 0 {
		t.Errorf("without a terminal the agent left with %d", code)
	}

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0) // there is never space left on it
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	p.runInto(full, &syscall.SysProcAttr{Setpgid: true})
	p.status()
	p.save()
	p.awaitServed()
	p.invariant(before)
	if code := p.ended(); code != 0 {
		t.Errorf("with a full disk the agent left with %d", code)
	}
	p.run()
	p.agent.await(0, "unchanged", "page")
}

// descriptorsTest lets the agent open none, few and some files more than it has.
func (p *pages) descriptorsTest(t *testing.T, before inventory) {
	inits := p.inits()
	for _, more := range []int{0, 4, 12} {
		from := p.agent.now()
		lift := p.limitFiles(more)
		p.save()
		p.agent.eventually("it says something of it", func() bool {
			return len(p.agent.said(from, func(l logLine) bool {
				return l.Level == "warn" || l.Level == "error" || l.Message == "live"
			})) > 0
		})
		lift()
		for _, l := range p.agent.said(from, func(l logLine) bool { return l.Message == "died" || l.Message == "restarted" }) {
			t.Errorf("with %d descriptors more: %s", more, l.text)
		}
		p.asked()
	}
	p.invariant(before)
	if got := differing(inits, p.inits()); !slices.Equal(got, []string{"page"}) {
		t.Errorf("other processes in %v", got)
	}
}

// limitFiles lets the agent open so many files more, until lift is called.
func (p *pages) limitFiles(more int) (lift func()) {
	p.t.Helper()
	pid := p.agent.cmd.Process.Pid
	limit := uint64(0)
	for ; more >= 0; limit++ {
		if _, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, limit)); err != nil {
			more--
		}
	}
	var was unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &was); err != nil {
		p.t.Fatal(err)
	}
	set := func(l unix.Rlimit) {
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &l, nil); err != nil {
			p.t.Fatal(err)
		}
	}
	set(unix.Rlimit{Cur: limit - 1, Max: was.Max})
	return func() { set(was) }
}
