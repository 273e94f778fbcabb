package network

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kernel is what routing needs of the VM.
type kernel interface {
	// rules reads all rules.
	rules(ctx context.Context) (tables, error)
	// apply changes rules by a text for iptables-restore, each table as one act.
	apply(ctx context.Context, text string) error
	// variants gives the same VM by each variant of iptables, whose rules are
	// its own.
	variants() []kernel
	// sysctl reads a setting below net; a missing one is fs.ErrNotExist.
	sysctl(name string) (string, error)
	setSysctl(name, value string) error
	// addresses gives every IPv4 address of the VM, and whether it is on the
	// bridge, which need not exist.
	addresses(bridge string) ([]held, error)
	// pin keeps the bridge's MAC address as it is, whatever ports come and go.
	pin(bridge string) error
	// addAddress puts a virtual IP on the bridge; that it is there is no error.
	addAddress(bridge string, addr netip.Addr) error
	// removeAddress takes an address of ours away; that it is gone is no error.
	removeAddress(h held) error
	// forgetDatagrams is done where targets of UDP have moved.
	forgetDatagrams(from []netip.Addr, ports []uint16) error
}

// vm is the kernel that the program runs on.
type vm struct {
	tool   *ipTables
	pinned int // index of the bridge whose MAC address was set; 0: none
}

func newVM(program string) (*vm, error) {
	tool, err := newIPTables(program)
	if err != nil {
		return nil, err
	}
	return &vm{tool: tool}, nil
}

func (v *vm) rules(ctx context.Context) (tables, error)    { return v.tool.read(ctx) }
func (v *vm) apply(ctx context.Context, text string) error { return v.tool.apply(ctx, text) }

// variants leaves out those that are not there or do not work.
func (v *vm) variants() []kernel {
	var all []kernel
	for _, program := range []string{"iptables-legacy", "iptables-nft"} {
		if _, err := exec.LookPath(program); err != nil {
			continue
		}
		if other, err := newVM(program); err == nil {
			all = append(all, other)
		}
	}
	return all
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
