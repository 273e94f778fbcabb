package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFaultsAroundAnAgent lets happen, one after the other, what may go wrong on
// a machine while the laptop asks: no request fails, and in the end all is as it
// should be.
func TestFaultsAroundAnAgent(t *testing.T) {
	p := newPages(newLab(t, false))
	lock := p.legacyTables()
	t.Setenv("PATH", filepath.Dir(lock)+"/bin:"+os.Getenv("PATH"))
	t.Setenv("XTABLES_LOCKFILE", lock)
	p.up()
	clients := p.startTraffic("/api")
	before := p.inventory()
	p.invariant(before)

	p.sub("the lock of iptables held beyond the limit", func(t *testing.T) { p.lockTest(t, lock, before) })
	p.sub("a dependent that has stopped", func(t *testing.T) { p.stoppedTest(t, before) })
	p.sub("a dependent whose hosts file is read-only", func(t *testing.T) { p.readOnlyTest(t, before) })
	p.sub("upgraded in mid-deploy", func(t *testing.T) { p.upgradeTest(t, before) })
	p.sub("stopped by a signal", func(t *testing.T) { p.signalTest(t, before) })
	p.sub("the terminal closed, and a full disk below the log", func(t *testing.T) { p.muteTest(t, before) })
	p.sub("few open files", func(t *testing.T) { p.descriptorsTest(t, before) })
	p.sub("a clock that is a day off", func(t *testing.T) { p.clockTest(t, before) })
	clients.stop(t)
	p.sub("the machine shut down", func(t *testing.T) { p.shutdownTest(t, before) })
	p.sub("a part of the system", p.partTest)
}

// held waits until the deploy of page has failed, and gives what was said of it.
func (p *pages) held(from int) logLine {
	p.t.Helper()
	failed := p.agent.await(from, "failed", "page")
	if again := p.agent.said(from, isDeploy("page")); len(again) != 1 {
		p.t.Errorf("it was tried %d times", len(again))
	}
	if p.serves() {
		p.t.Error("what failed is served")
	}
	return failed
}

// asked asks for a deploy of page, which has to go well.
func (p *pages) asked() {
	p.t.Helper()
	if out, code := p.verb("deploy", "page"); code != 0 {
		p.t.Fatalf("deploy exits with %d: %s", code, out)
	}
	if !p.serves() {
		p.t.Error("what was deployed is not served")
	}
}

func (p *pages) lockTest(t *testing.T, lock string, before inventory) {
	f, err := os.OpenFile(lock, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	from, began := p.agent.now(), time.Now()
	p.save()
	p.agent.await(from, "deploying", "page")
	answers, slowest := 0, time.Duration(0)
	for ; len(p.agent.said(from, func(l logLine) bool { return l.Message == "failed" })) == 0; answers++ {
		if time.Since(began) > time.Minute {
			t.Fatalf("it neither holds nor goes on\n%s", p.agent.output())
		}
		asked := time.Now()
		p.status()
		slowest = max(slowest, time.Since(asked))
		time.Sleep(20 * time.Millisecond) // somebody else needs the processor, too
	}
	failed := p.held(from)
	if failed.Step != "switch" || !strings.Contains(failed.Reason, "xtables lock") {
		t.Errorf("the agent said %s", failed.text)
	}
	t.Logf("failed after %s; meanwhile %d answers, the slowest after %s", time.Since(began), answers, slowest)
	if slowest > 3*time.Second || answers < 10 {
		t.Errorf("%d answers, the slowest after %s", answers, slowest)
	}
	p.invariantBut(before, "page") // with the lock held still
	if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	p.asked()
	p.invariant(before)
}

func (p *pages) stoppedTest(t *testing.T, before inventory) {
	// Twice, since only the second time it is left alone for some seconds.
	stopped := p.live()["caller1"]
	from := p.agent.now()
	p.cut(stopped)
	p.agent.await(from, "restarted", "caller1")
	from = p.agent.now()
	p.cut(stopped)
	p.agent.await(from, "died", "caller1")
	p.save()
	p.awaitServed()
	if early := p.agent.said(from, func(l logLine) bool { return l.Message == "restarted" }); len(early) > 0 {
		t.Errorf("it did not stay stopped: %s", early[0].text)
	}
	if failed := p.agent.said(from, func(l logLine) bool { return l.Message == "failed" }); len(failed) > 0 {
		t.Errorf("it held up another: %s", failed[0].text)
	}
	p.agent.await(from, "restarted", "caller1")
	p.invariant(before)
	if got := p.live()["caller1"]; got != stopped {
		t.Errorf("%s is live in place of %s", got, stopped)
	}
}

func (p *pages) readOnlyTest(t *testing.T, before inventory) {
	caller := p.live()["caller3"]
	p.inside(caller, "mount -o bind /etc/hosts /etc/hosts && mount -o bind,remount,ro /etc/hosts")
	from := p.agent.now()
	p.save()
	failed := p.held(from)
	if failed.Step != "switch" || !strings.Contains(failed.Reason, "/etc/hosts of "+caller) || !strings.Contains(failed.Reason, "read-only") {
		t.Errorf("the agent said %s", failed.text)
	}
	p.invariantBut(before, "page")
	p.inside(caller, "umount /etc/hosts")
	p.asked()
	p.invariant(before)
}
