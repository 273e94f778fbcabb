//go:build cgo

package lxc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// goesRound takes a container through its whole life.
func goesRound(t *testing.T, h *Host, backing string) {
	ctx := t.Context()
	const name = "jlt-lxc-1"
	items := []string{"lxc.uts.name = hello", "lxc.signal.halt = SIGUSR1"}
	if err := h.Clone(ctx, "base", name, backing, items); err != nil {
		t.Fatal(err)
	}
	if err := h.Clone(ctx, "base", name, backing, items); err == nil {
		t.Error("a clone over an existing container is an error")
	}
	if err := h.WriteFiles(ctx, name, hello(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.Path, "base", "rootfs", "etc/hello")); err == nil {
		t.Error("what is written into the clone is not in the base")
	}
	pid, err := h.Start(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.Start(ctx, name); err != nil || again != pid {
		t.Errorf("starting what runs gave init %d and %v, want %d", again, err, pid)
	}
	states, err := h.States(ctx)
	if err != nil || states["base"] != 0 || states[name] != pid || len(states) != 2 {
		t.Errorf("states are %v, %v", states, err)
	}
	out, err := h.Run(ctx, name, []string{"sh", "-c", "cat /etc/hello; hostname; echo $HOME; echo oops >&2"})
	if err != nil || string(out) != "hello\nhello\n\noops\n" {
		t.Errorf("run printed %q, %v", out, err)
	}
	if err := h.Stop(ctx, name, time.Second); err != nil {
		t.Fatal(err)
	}
	if err := h.Stop(ctx, name, time.Second); err != nil {
		t.Errorf("stopping what is stopped: %v", err)
	}
	for range 2 { // the second time it is gone, which is no error
		if err := h.Destroy(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(h.Path, name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is still there: %v", err)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/lxc.*", "/sys/fs/cgroup/*/lxc.*"} {
		if left, _ := filepath.Glob(pattern + "." + name); len(left) > 0 {
			t.Errorf("cgroups are left: %v", left)
		}
	}
	if text, err := os.ReadFile(filepath.Join(h.Path, "base", "lxc_snapshots")); err == nil && len(text) > 0 {
		t.Errorf("the base still counts a clone: %s", text)
	}
}

func TestAContainersWholeLife(t *testing.T) {
	for _, backing := range []string{"auto", "overlay", "dir"} {
		t.Run("as "+backing, func(t *testing.T) {
			goesRound(t, newHost(t, t.TempDir(), "dir"), backing)
		})
	}
	t.Run("as btrfs, which auto finds out from the base", func(t *testing.T) {
		goesRound(t, newHost(t, mountBtrfs(t), "btrfs"), "auto")
	})
}

func TestErrorsSayWhatToDo(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	ctx := t.Context()
	if err := h.Clone(ctx, "nobody", "jlt-lxc-1", "auto", nil); err == nil || !strings.Contains(err.Error(), "jarloop provision") {
		t.Errorf("a missing base: %v", err)
	}
	if err := h.Clone(ctx, "base", "jlt-lxc-1", "auto", []string{"lxc.net.0.type = veth", "lxc.net.0.link = jlt-nobr"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(ctx, "jlt-lxc-1"); err == nil || !strings.Contains(err.Error(), "jlt-nobr") {
		t.Errorf("a missing bridge is not named: %v", err)
	}
}

func TestACommandsStatusIsTrue(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	ctx := t.Context()
	const name = "jlt-lxc-1"
	if err := h.Clone(ctx, "base", name, "auto", []string{"lxc.signal.halt = SIGUSR1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Run(ctx, name, []string{"true"}); err == nil {
		t.Error("a command in a stopped container is an error")
	}
	if _, err := h.Start(ctx, name); err != nil {
		t.Fatal(err)
	}
	for script, status := range map[string]int{"exit 3": 3, "kill -9 $$": 137, "no-such-command": 127} {
		var exit *exitError
		if _, err := h.Run(ctx, name, []string{"sh", "-c", script}); !errors.As(err, &exit) || exit.Status != status {
			t.Errorf("%q: %v, want status %d", script, err, status)
		}
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := h.Run(short, name, []string{"sleep", "1000"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command that hangs is cut off: %v", err)
	}
	if _, err := h.Run(ctx, name, []string{"true"}); err != nil {
		t.Errorf("and the container is as well as before: %v", err)
	}
}

func TestAllButInitIsKilled(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	ctx := t.Context()
	const name = "jlt-lxc-1"
	if err := h.Clone(ctx, "base", name, "auto", []string{"lxc.signal.halt = SIGUSR1"}); err != nil {
		t.Fatal(err)
	}
	if err := h.Kill(ctx, name); err == nil {
		t.Error("killing in a stopped container is no error")
	}
	init, err := h.Start(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	// Two that listen to nobody, one of them in a session of its own.
	const script = `trap "" TERM HUP INT; setsid sleep 4321 >/dev/null & sleep 4321 >/dev/null &`
	if _, err := h.Run(ctx, name, []string{"sh", "-c", script}); err != nil {
		t.Fatal(err)
	}
	running := func() int {
		t.Helper()
		out, err := h.Run(ctx, name, []string{"ps"})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(out), "sleep 4321")
	}
	await := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); running() != n; {
			if time.Now().After(deadline) {
				t.Fatalf("there are %d processes, not %d", running(), n)
			}
		}
	}
	await(2)
	for range 2 { // the second time there is nothing left to kill
		if err := h.Kill(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	await(0)
	if states, err := h.States(ctx); err != nil || states[name] != init {
		t.Errorf("states are %v, %v; init was %d", states, err, init)
	}
}

func TestWhatIsHalfMadeGoes(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	ctx := t.Context()
	folder := filepath.Join(h.Path, "jlt-lxc-1")
	for name, files := range map[string]map[string]string{
		"a folder alone":               {"jarloop.json": "{}"},
		"a configuration without root": {"jarloop.json": "{}", "config": "lxc.uts.name = x\n"},
		"an empty configuration":       {"config": ""},
	} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(h.Stop(ctx, "jlt-lxc-1", 0), h.Destroy(ctx, "jlt-lxc-1")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestACallEndsWithItsAgent(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	ctx := t.Context()
	const name = "jlt-lxc-1"
	if err := h.Clone(ctx, "base", name, "auto", []string{"lxc.signal.halt = SIGUSR1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(ctx, name); err != nil {
		t.Fatal(err)
	}
	agent := exec.Command("/proc/self/exe", "agent-that-runs", h.Path, child[0], name, "sleep", "1000")
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	var call int
	eventually(t, "the call has a child", func() bool {
		call = childOf(agent.Process.Pid)
		return call != 0
	})
	if err := agent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = agent.Wait()
	eventually(t, "the child is gone", func() bool { return errors.Is(syscall.Kill(call, 0), syscall.ESRCH) })
	if states, err := h.States(ctx); err != nil || states[name] <= 0 {
		t.Errorf("the container outlives both: %v, %v", states, err)
	}
}
