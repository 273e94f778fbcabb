package network

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-iptables/iptables"
	"golang.org/x/sys/unix"
)

const (
	// lockWait is how long is waited for the lock that legacy iptables shares with
	// everybody.
	lockWait = 15 * time.Second
	// toolWait is how long reading and changing rules may take beside that.
	toolWait = 10 * time.Second
)

// ipTables is one variant of iptables, whose rules are its own.
//
// go-iptables finds it and says what it can do. It makes one change a call, so
// rules are read and changed by the programs that take whole tables.
type ipTables struct {
	save, restore string
	lockWait      time.Duration
}

// newIPTables gives the variant of that name: iptables, which is one of the
// other two by the system's choice, iptables-nft or iptables-legacy.
func newIPTables(program string) (*ipTables, error) {
	const remedy = "sudo apt install iptables"
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("look for %s (%s): %w", program, remedy, err)
	}
	t, err := iptables.New(iptables.Path(path))
	if err != nil {
		return nil, fmt.Errorf("try %s (%s): %w", path, remedy, err)
	}
	// Since then iptables-restore can wait for the lock.
	if major, minor, patch := t.GetIptablesVersion(); major < 1 || major == 1 && (minor < 6 || minor == 6 && patch < 2) {
		return nil, fmt.Errorf("%s is of version %d.%d.%d, and must be 1.6.2 or later", path, major, minor, patch)
	}
	tool := &ipTables{lockWait: lockWait}
	for name, at := range map[string]*string{path + "-save": &tool.save, path + "-restore": &tool.restore} {
		if *at, err = exec.LookPath(name); err != nil {
			return nil, fmt.Errorf("look for %s (%s): %w", name, remedy, err)
		}
	}
	return tool, nil
}

// read reads all rules. It takes no lock, and loads no module of the kernel.
func (t *ipTables) read(ctx context.Context) (tables, error) {
	out, err := run(ctx, toolWait, "", t.save)
	if err != nil {
		return nil, err
	}
	return parseTables(out)
}

// apply changes tables by a text that difference has made, each as one act. An
// error is about the first table that could not be changed: it is as it was.
//
// In the nft variant a table is one transaction of nftables; in the legacy
// variant it is replaced under the lock (1.8.9).
func (t *ipTables) apply(ctx context.Context, text string) error {
	seconds := strconv.Itoa(int(t.lockWait.Seconds()))
	if _, err := run(ctx, t.lockWait+toolWait, text, t.restore, "--noflush", "--wait", seconds); err != nil {
		return fmt.Errorf("change rules: %w", err)
	}
	return nil
}

// run runs a program with input, and gives what it prints. It ends with ctx, and
// leaves nothing behind, also where this process ends first.
func run(ctx context.Context, limit time.Duration, input, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaint
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second
	runtime.LockOSThread() // Pdeathsig is about the thread that started it
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("run %s: %w: %s", program, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.Bytes(), nil
}
