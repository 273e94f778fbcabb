//go:build cgo

package lxc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

// The test binary is the agent that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "agent-that-runs" {
		h := &Host{Path: os.Args[2], Child: []string{os.Args[3]}}
		_, err := h.Run(context.Background(), os.Args[4], os.Args[5:])
		fmt.Fprintln(os.Stderr, "run ended:", err)
		os.Exit(1)
	}
	if os.Geteuid() == 0 && os.Getenv(inNetwork) == "" {
		os.Exit(again())
	}
	os.Exit(withChild(m))
}

// inNetwork is set in the environment of tests that have a network of their own:
// nothing that they do there reaches this machine's.
const inNetwork = "JARLOOP_TEST_NETWORK"

// bridge is in the tests' network, with the address that leads out of containers.
const (
	bridge  = "jlt-br0"
	gateway = "10.117.0.1"
)

// network makes the tests' own. liblxc looks for a bridge in /sys, which shows the
// network that it was mounted in; the cgroups are to stay there.
const network = `
cgroups=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$cgroups"
mount -t sysfs sysfs /sys
mount --rbind "$cgroups" /sys/fs/cgroup
umount -l "$cgroups"
rmdir "$cgroups"
ip link set lo up
ip link add ` + bridge + ` type bridge
ip address add ` + gateway + `/24 dev ` + bridge + `
ip link set ` + bridge + ` up
exec "$0" "$@"`

// again runs these tests in a network of their own.
func again() int {
	program, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command("unshare", append([]string{"--mount", "--net", "--propagation", "private", "sh", "-ec", network, program}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), inNetwork+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is the command that makes one call.
var child []string

// hello is a file as WriteFiles wants it.
func hello(t *testing.T) io.Reader {
	t.Helper()
	text, err := json.Marshal([]guest.File{{Name: "/etc/hello", Mode: 0o644, Data: []byte("hello\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(text)
}

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

// baseFile is one of the base's own.
const baseFile = "/srv/seed/file"

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
	mkdir(t, filepath.Join(path, "base", "rootfs", filepath.Dir(baseFile)))
	writeFile(t, filepath.Join(path, "base", "rootfs", baseFile), "of the base\n")
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

// mountBtrfs gives a folder on a small btrfs of its own.
func mountBtrfs(t *testing.T) string {
	t.Helper()
	return mountDisk(t, "mkfs.btrfs", "-q")
}

// mountDisk gives a folder on a small disk of its own, which a command makes.
func mountDisk(t *testing.T, mkfs ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	image, at := filepath.Join(t.TempDir(), "image"), t.TempDir()
	for _, argv := range [][]string{
		{"truncate", "-s", "256M", image}, append(mkfs, image), {"mount", "-o", "loop", image, at},
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
