//go:build cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is the agent that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "agent-that-runs" {
		h := &Host{Path: os.Args[2], Child: []string{os.Args[3]}}
		_, err := h.Run(context.Background(), os.Args[4], os.Args[5:])
		fmt.Fprintln(os.Stderr, "run ended:", err)
		os.Exit(1)
	}
	os.Exit(withChild(m))
}

// child is the command that makes one call.
var child []string

func withChild(m *testing.M) int {
	dir, err := os.MkdirTemp("", "jlt-lxc-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	child = []string{filepath.Join(dir, "child")}
	if out, err := exec.Command("go", "build", "-o", child[0], "./testdata/child").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the child: %v: %s\n", err, out)
		return 1
	}
	return m.Run()
}

// newHost gives a host with a busybox base, which boots in no time.
func newHost(t *testing.T, path string, backing string) *Host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("containers need root")
	}
	create := exec.Command("lxc-create", "-P", path, "-n", "base", "-t", "busybox", "-B", backing)
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("lxc-create: %v: %s", err, out)
	}
	config := filepath.Join(path, "base", "config")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	// No bridge is needed here, and no profile that this kernel may lack.
	kept := "lxc.net.0.type = empty\n"
	for line := range strings.Lines(string(text)) {
		if key := keyOf(line); !strings.HasPrefix(key, "lxc.net.") && !strings.HasPrefix(key, "lxc.apparmor.") {
			kept += line
		}
	}
	if err := os.WriteFile(config, []byte(kept), 0o644); err != nil {
		t.Fatal(err)
	}
	h := &Host{Path: path, Child: child}
	t.Cleanup(func() {
		ctx := context.Background()
		states, err := h.States(ctx)
		if err != nil {
			t.Error(err)
		}
		for name := range states {
			if name != "base" {
				if err := errors.Join(h.Stop(ctx, name, 0), h.Destroy(ctx, name)); err != nil {
					t.Error(err)
				}
			}
		}
		if err := h.Destroy(ctx, "base"); err != nil {
			t.Error(err)
		}
	})
	return h
}

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
	if err := h.Fill(ctx, name, strings.NewReader("hello\n")); err != nil {
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

// mountBtrfs gives a folder on a small btrfs of its own.
func mountBtrfs(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	image, at := filepath.Join(t.TempDir(), "image"), t.TempDir()
	for _, argv := range [][]string{
		{"truncate", "-s", "256M", image}, {"mkfs.btrfs", "-q", image}, {"mount", "-o", "loop", image, at},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", argv, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return at
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

// childOf gives a child process of pid, or 0.
func childOf(pid int) int {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		if first, _, _ := strings.Cut(strings.TrimSpace(string(text)), " "); first != "" {
			n, _ := strconv.Atoi(first)
			return n
		}
	}
	return 0
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
