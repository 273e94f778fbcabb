package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer/lxc"
	"github.com/jarloop/jarloop/network"
	"github.com/jarloop/jarloop/watcher"
)

// NewMachine gives the machine that the program runs on. child is the command
// that makes one call of liblxc, base says which container a base is and whether
// it is there, leftOver which bases are of no use any more, and cluster what there is of one.
func NewMachine(c *config.Config, child []string, base func(context.Context, config.Base) (string, bool, error), leftOver func(context.Context) ([]string, error),
	cluster func(context.Context) (Cluster, error)) *Machine {
	return &Machine{Config: c, Root: "/", User: os.Geteuid(), Probe: &probe{c, child, base, leftOver, cluster}}
}

// probe asks this machine.
type probe struct {
	config   *config.Config
	child    []string
	base     func(context.Context, config.Base) (string, bool, error)
	leftOver func(context.Context) ([]string, error)
	cluster  func(context.Context) (Cluster, error)
}

var _ Probe = (*probe)(nil)

func (p *probe) Liblxc() (string, error) { return lxc.Version() }

func (p *probe) Range() (bridge netip.Prefix, first, last netip.Addr, err error) {
	return network.Range(p.config.LXC.Bridge, p.config.LXC.Range.First, p.config.LXC.Range.Last)
}

func (p *probe) Interfaces() (auto string, there []string, err error) {
	there, err = network.Interfaces()
	return network.DefaultInterface(), there, err
}

func (p *probe) Address(name string) netip.Addr { return network.InterfaceAddr(name) }

func (p *probe) Rules(ctx context.Context, _ netip.Prefix) (found Rules, err error) {
	var errs [3]error
	found.Conflicts, errs[0] = network.Conflicts(ctx, p.config.Ports(network.DefaultInterface()))
	found.Backends, errs[1] = network.Backends(ctx)
	found.Obstacles, errs[2] = network.Obstacles(ctx, p.config.LXC.Bridge, p.config.Ports(network.DefaultInterface()))
	return found, errors.Join(errs[:]...)
}

func (p *probe) Space(folder string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return Space{}, fmt.Errorf("look for the space in %s: %w", folder, err)
	}
	return Space{Bytes: int64(s.Bavail) * s.Bsize, Inodes: int64(s.Files), Free: int64(s.Ffree)}, nil
}

func (p *probe) Shares(folder string) (bool, error) { return lxc.SharesBlocks(folder) }

func (p *probe) Containers(ctx context.Context) (map[string]int, error) {
	if _, err := os.Stat(p.config.LXC.Path); errors.Is(err, os.ErrNotExist) {
		return nil, nil // run makes it
	}
	return (&lxc.Host{Path: p.config.LXC.Path, Child: p.child}).States(ctx)
}

func (p *probe) Base(ctx context.Context, b config.Base) (container string, there bool, err error) {
	return p.base(ctx, b)
}

func (p *probe) Cluster(ctx context.Context) (Cluster, error) { return p.cluster(ctx) }

func (p *probe) LeftOver(ctx context.Context) ([]string, error) { return p.leftOver(ctx) }

func (p *probe) Share() (watcher.Mode, string, error) {
	if err := thereYet(p.config.Watch.Dir); err != nil {
		return "", "", err
	}
	mode, why := watcher.ModeOf(p.config.Watch.Dir)
	return mode, why, nil
}

func (p *probe) Start(ctx context.Context, unit string) error {
	if out, err := exec.CommandContext(ctx, "systemctl", "start", unit).CombinedOutput(); err != nil {
		return fmt.Errorf("start %s: %w: %s", unit, err, out)
	}
	return nil
}

// thereYet is an error where a folder is not there.
func thereYet(folder string) error {
	if info, err := os.Stat(folder); err != nil {
		return fmt.Errorf("%s cannot be looked at: %w", folder, err)
	} else if !info.IsDir() {
		return fmt.Errorf("%s is no folder", folder)
	}
	return nil
}
