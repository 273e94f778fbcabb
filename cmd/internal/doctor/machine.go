package doctor

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/network"
	"github.com/jarloop/jarloop/watcher"
)

// State is the result of a check.
type State string

// The states. A warning stops nothing.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failed  State = "failed"
)

// Finding is what one check found.
type Finding struct {
	Check  string `json:"check"`
	State  State  `json:"state"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"` // to copy and paste, where there is one
	// Repaired is what Repair did about it.
	Repaired string `json:"repaired,omitempty"`

	usage  bool                        // the configuration is to be corrected, and not the machine
	fix    func(context.Context) error // nil where that is not safe, or not ours to do
	fixing string                      // what fix does, as said when it is done
}

// Err gives what has failed as an error that ends in the remedy; nil for what
// has not.
func (f Finding) Err() error {
	if f.State != Failed {
		return nil
	}
	err := errors.New(f.words())
	if f.usage {
		return exit.AsUsage(err)
	}
	return err
}

// words are the finding in one line, with the remedy.
func (f Finding) words() string {
	if f.Remedy == "" || strings.Contains(f.Found, f.Remedy) {
		return f.Found
	}
	return f.Found + ": " + f.Remedy
}

// Machine is what the checks look at.
type Machine struct {
	Config *config.Config
	Root   string // where /proc, /sys and the like are looked for: "/"
	User   int    // the effective user
	Probe  Probe
}

// Probe is what is not in a file. Its methods change nothing, but for Start; an
// error is a finding like any other.
type Probe interface {
	// Liblxc gives the version of liblxc; an error where there is none.
	Liblxc() (string, error)
	// Range gives the bridge's own address, and the addresses that are leased.
	Range() (bridge netip.Prefix, first, last netip.Addr, err error)
	// Interfaces names those of the VM, and that of the default route; "": there is
	// none.
	Interfaces() (auto string, there []string, err error)
	// Address gives the IPv4 address of an interface; not valid: it has none.
	Address(name string) netip.Addr
	// Rules looks at the rules of others.
	Rules(ctx context.Context, bridge netip.Prefix) (Rules, error)
	// Space looks at the filesystem of a folder that is there.
	Space(folder string) (Space, error)
	// Shares says whether copies on the filesystem of a folder that is there can
	// share what is the same.
	Shares(folder string) (bool, error)
	// Containers gives those below lxc.path, with the init of each, 0 where
	// it is stopped.
	Containers(ctx context.Context) (map[string]int, error)
	// Base gives the container of a base, and whether it is there, whole; an
	// error where this machine cannot have it.
	Base(ctx context.Context, b config.Base) (container string, there bool, err error)
	// Cluster looks at that of the engine incus.
	Cluster(ctx context.Context) (Cluster, error)
	// LeftOver gives the bases that the program has built, that the configuration
	// does not ask for and that no clone rests on.
	LeftOver(ctx context.Context) ([]string, error)
	// Share says how the shared folder has to be watched, and why.
	Share() (watcher.Mode, string, error)
	// Start starts a unit of the machine's systemd.
	Start(ctx context.Context, unit string) error
}

// Rules are what others have among the rules.
type Rules struct {
	Conflicts []string // they send a published port elsewhere
	Backends  string   // rules in both variants of iptables; "" is none
	Obstacles []network.Obstacle
}

// Cluster is what there is of one.
type Cluster struct {
	Hidden  bool              // the certificate does not let this agent look at members
	Members map[string]string // how each is, in the cluster's own words: Online is well
	Bases   []ClusterBase
}

// ClusterBase is an instance that copies may be made of, on its member.
type ClusterBase struct {
	Name, Instance, Member string
	Running                bool
}

// Space is what is free on a filesystem. Without a table of inodes, as on
// btrfs, Inodes is 0 and so is Free.
type Space struct {
	Bytes        int64
	Inodes, Free int64 // all, and those that are free
}

// maxFile bounds what is read of a file; the longest is a table of sockets.
const maxFile = 8 << 20

// read gives the text of a file below Root; "" if it cannot be read.
func (m *Machine) read(name string) string {
	f, err := os.Open(m.path(name))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return ""
	}
	return string(text)
}

func (m *Machine) path(name string) string { return filepath.Join(m.Root, name) }

func (m *Machine) exists(name string) bool {
	_, err := os.Stat(m.path(name))
	return err == nil
}

// setSysctl is the fix of a setting that is not what it should be.
func (m *Machine) setSysctl(f Finding, name, value string) Finding {
	file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	f.Remedy = "sudo sysctl -w " + name + "=" + value
	f.fixing = "set " + name + " to " + value + ", until the next boot"
	f.fix = func(context.Context) error { return os.WriteFile(m.path(file), []byte(value+"\n"), 0o644) }
	return f
}
