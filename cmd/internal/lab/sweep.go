package lab

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
	"time"
)

// sweep removes every container below the lab's path that is not a base: what
// an earlier lab has left, or a test that failed.
func (l *Lab) sweep(ctx context.Context) error {
	// By their monitors, since liblxc finds a container that runs only from
	// the network namespace that it was started in.
	errs := l.killMonitors(ctx)
	entries, err := os.ReadDir(l.LXC)
	if err != nil {
		return err
	}
	for _, e := range entries {
		folder := filepath.Join(l.LXC, e.Name())
		if !e.IsDir() || isBase(folder) {
			continue
		}
		// Not all of them are whole: what matters is the end. It also takes
		// the clone off the list of its base.
		_ = exec.CommandContext(ctx, "lxc-destroy", "-f", "-P", l.LXC, "-n", e.Name()).Run()
		errs = errors.Join(errs, os.RemoveAll(folder))
	}
	// The cgroups of those whose monitor was killed. The kernel removes only
	// empty ones, so one that runs elsewhere is not hurt.
	_ = exec.CommandContext(ctx, "find", "/sys/fs/cgroup", "-depth", "-type", "d",
		"(", "-path", "*/lxc.monitor.*", "-o", "-path", "*/lxc.payload.*", ")", "-exec", "rmdir", "{}", ";").Run()
	return errs
}

// killMonitors ends everything that runs in containers of the lab.
func (l *Lab) killMonitors(ctx context.Context) error {
	title := "[lxc monitor] " + l.LXC + " "
	for {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			return err
		}
		left := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil || !strings.HasPrefix(string(text), title) {
				continue
			}
			left++
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is as good
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d monitors of the lab cannot be killed: %w", left, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// isBase tells a base by its mark, jarloop-base.json.
func isBase(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "jarloop-base.json"))
	return err == nil
}
