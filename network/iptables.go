package network

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-iptables/iptables"
)

// host is what Ports needs of the VM.
type host interface {
	// rules reads all rules.
	rules(ctx context.Context) (tables, error)
	// variants gives the same VM by each variant of iptables, whose rules are
	// its own.
	variants() []host
	// apply makes one change.
	apply(ctx context.Context, s step) error
	// sysctl reads a setting below net; a missing one is fs.ErrNotExist.
	sysctl(name string) (string, error)
	setSysctl(name, value string) error
	// addresses gives every IPv4 address of the VM, and whether it is on the
	// bridge, which need not exist.
	addresses(bridge string) ([]held, error)
	// pin keeps the bridge's MAC address as it is, whatever ports come and go.
	pin(bridge string) error
	// addAddress puts a service address on the bridge; that it is there is no
	// error.
	addAddress(bridge string, addr netip.Addr) error
	// removeAddress takes an address of ours away; that it is gone is no error.
	removeAddress(h held) error
}

const (
	// lockTry is how many seconds iptables waits for the lock that its legacy
	// variant shares with everybody; it cannot be told to stop earlier.
	lockTry = 5
	// lockWait is for how long it is asked again.
	lockWait = 15 * time.Second
	// lockRest is how long it is left alone in between.
	lockRest = 50 * time.Millisecond
	// saveWait is how long reading the rules may take.
	saveWait = 10 * time.Second
)

// vm is the host that the program runs on.
type vm struct {
	tables *iptables.IPTables
	save   string // the program that prints all rules
	pinned int    // index of the bridge whose MAC address was set; 0: none
}

func newVM(program string) (*vm, error) {
	const remedy = "sudo apt install iptables"
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("look for %s (%s): %w", program, remedy, err)
	}
	save, err := exec.LookPath(path + "-save")
	if err != nil {
		return nil, fmt.Errorf("look for %s-save (%s): %w", program, remedy, err)
	}
	t, err := iptables.New(iptables.Path(path), iptables.Timeout(lockTry))
	if err != nil {
		return nil, fmt.Errorf("try %s: %w", path, err)
	}
	return &vm{tables: t, save: save}, nil
}

func (v *vm) rules(ctx context.Context) (tables, error) {
	out, err := output(ctx, v.save)
	if err != nil {
		return nil, err
	}
	return parseTables(out)
}

func (v *vm) apply(ctx context.Context, s step) error {
	until := time.Now().Add(lockWait)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := v.try(s)
		if err == nil {
			return nil
		}
		if !isLocked(err) || time.Now().After(until) {
			return fmt.Errorf("%s: %w", s, err)
		}
		select {
		case <-time.After(lockRest):
		case <-ctx.Done():
		}
	}
}

func (v *vm) try(s step) error {
	switch t := v.tables; s.verb {
	case newChain:
		return t.NewChain(s.table, s.chain)
	case add:
		return t.Append(s.table, s.chain, s.rule...)
	case insert:
		return t.Insert(s.table, s.chain, s.at, s.rule...)
	case replace:
		return t.Replace(s.table, s.chain, s.at, s.rule...)
	case remove:
		return t.Delete(s.table, s.chain, s.rule...)
	case removeAt:
		return t.DeleteById(s.table, s.chain, s.at)
	case flush:
		// ClearChain makes a chain that is gone; so it can be dropped all the same.
		return t.ClearChain(s.table, s.chain)
	case drop:
		return t.DeleteChain(s.table, s.chain)
	default:
		return fmt.Errorf("no such change: %q", s.verb)
	}
}

// isLocked says whether somebody else was at the rules for too long. The
// status does not tell: the nft variant has 4 for lasting failures as well.
func isLocked(err error) bool {
	var failed *iptables.Error
	if !errors.As(err, &failed) {
		return false
	}
	text := failed.Error()
	return strings.Contains(text, "holding the xtables lock") || strings.Contains(text, "Resource temporarily unavailable")
}

func (v *vm) sysctl(name string) (string, error) {
	value, err := os.ReadFile(sysctlFile(name))
	if err != nil {
		return "", fmt.Errorf("read sysctl: %w", err)
	}
	return strings.TrimSpace(string(value)), nil
}

func (v *vm) setSysctl(name, value string) error {
	if err := os.WriteFile(sysctlFile(name), []byte(value), 0); err != nil {
		return fmt.Errorf("set sysctl to %s: %w", value, err)
	}
	return nil
}

func sysctlFile(name string) string { return filepath.Join("/proc/sys/net", name) }

// output runs a program that only reads.
func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, saveWait)
	defer cancel()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("run %s: %w: %s", program, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.Bytes(), nil
}
