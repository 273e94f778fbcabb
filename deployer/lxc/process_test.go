//go:build cgo

package lxc

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// firstOfItsOwn starts a process that is the first of a namespace, as the init of
// a container is.
func firstOfItsOwn(t *testing.T) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make namespaces")
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func TestTheEndOfAnInitIsToldAtOnce(t *testing.T) {
	cmd := firstOfItsOwn(t)
	p, err := holdInit(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	select {
	case <-p.ended:
		t.Fatal("it is said to have ended")
	case <-time.After(50 * time.Millisecond):
	}
	if !p.alive() {
		t.Error("it is not alive")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended: // though nobody has waited for it yet
	case <-time.After(soon):
		t.Fatal("its end is not told")
	}
	if p.alive() {
		t.Error("it is alive")
	}
}

func TestWhatIsNoInitIsNotHeld(t *testing.T) {
	for what, pid := range map[string]int{"this process": os.Getpid(), "one that has ended": ended(t)} {
		if p, err := holdInit(pid); err == nil {
			p.close()
			t.Errorf("%s is held", what)
		}
	}
}

func TestLettingGoEndsTheWait(t *testing.T) {
	p, err := holdInit(firstOfItsOwn(t).Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	p.close()
	<-p.ended
	if p.alive() {
		t.Error("what is not held is said to be alive")
	}
}

// TestAHandleIsClosedByItsLastUser is about a reader that is still at work when its
// instance is stopped.
func TestAHandleIsClosedByItsLastUser(t *testing.T) {
	cmd := firstOfItsOwn(t)
	h, err := openHandle(cmd.Process.Pid, staticAddress("/none"))
	if err != nil {
		t.Fatal(err)
	}
	table := table{handles: map[string]*handle{}, ignored: map[string]reportID{}}
	table.set("web-1", h)
	used, release := table.use("web-1")
	table.set("web-1", nil)
	if none, _ := table.use("web-1"); used != h || none != nil {
		t.Errorf("in use is %p, then %p; it was %p", used, none, h)
	}
	if _, err := h.root.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/none"); err == nil || !h.alive() {
		t.Errorf("it was closed under its user: %v", err)
	}
	release()
	release() // twice is once
	if h.alive() {
		t.Error("it is still open")
	}
}
