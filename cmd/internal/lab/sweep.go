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
	_ = exec.CommandContext(ctx, "sh", "-c", deadCgroups).Run() // the next lab does it as well
	return errs
}

// deadCgroups removes the cgroups of containers whose monitor was killed. Other tests have
// containers beside this lab's: a cgroup is empty for a moment while its container starts.
const deadCgroups = `
find /sys/fs/cgroup -maxdepth 2 -type d -mmin +1 '(' -name 'lxc.monitor.*' -o -name 'lxc.payload.*' ')' |
while read -r top; do
	[ -z "$(find "$top" -name cgroup.procs -exec cat {} +)" ] && find "$top" -depth -type d -exec rmdir {} ';'
done`

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
