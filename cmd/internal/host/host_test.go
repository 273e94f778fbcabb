package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/network/defaults"
)

// soon bounds every wait of these tests.
const soon = 10 * time.Second

// bridge is a name that no lease file of this machine can be about.
const bridge = "jltbr0"

// vmOf names the test that this process runs, alone, in a network namespace of
// its own.
const vmOf = "JARLOOP_HOST_TEST"

// onVM runs the test once more in a process that has a network to itself, as a
// VM has, with a bridge at 10.0.3.1/24. Commands that it starts are in there
// too, so the rules and interfaces of this machine are out of reach.
func onVM(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	if os.Getenv(vmOf) == t.Name() {
		if err := defaults.Set(); err != nil {
			t.Fatal(err)
		}
		run(t, "ip", "link", "set", "lo", "up")
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridge}}); err != nil {
			t.Fatal(err)
		}
		run(t, "ip", "addr", "add", "10.0.3.1/24", "dev", bridge)
		run(t, "ip", "link", "set", bridge, "up")
		test(t)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.v", "-test.timeout=50s", "-test.run=^"+regexp.QuoteMeta(t.Name())+"$")
	cmd.Env = append(os.Environ(), vmOf+"="+t.Name(), "XTABLES_LOCKFILE="+t.TempDir()+"/lock",
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")) // the race detector would sleep for a second
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // Pdeathsig is about the thread that started it
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// run runs a command, and gives what it prints.
func run(t *testing.T, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", argv, err, out)
	}
	return string(out)
}

// configuration is one with two services and a published port; more is TOML.
func configuration(t *testing.T, more string) *config.Config {
	t.Helper()
	c, err := config.Parse("config.toml", fmt.Appendf(nil, `
[lxc]
path = %q
bridge = %q
%s
[service.web]
port = 8080
needs = ["person"]
[service.person]
port = 8085
[[publish]]
interface = "eth0"
port = 80
service = "web"
`, t.TempDir(), bridge, more))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ended gives the ID of a process that was there and is no more.
func ended(t *testing.T) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// process starts one whose root is dir, and which ends with the test.
func process(t *testing.T, dir string) (pid int) {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs busybox, of the package busybox-static")
	}
	if out, err := exec.CommandContext(t.Context(), "ldd", path).CombinedOutput(); err == nil {
		t.Skipf("needs a static busybox, of the package busybox-static: %s", out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "busybox"), text, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/busybox", "cat")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir}
	return startCat(t, cmd)
}

// startCat starts a command that ends when its input does, which is when the
// test ends.
func startCat(t *testing.T, cmd *exec.Cmd) (pid int) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	return cmd.Process.Pid
}
