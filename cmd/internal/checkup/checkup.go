// Package checkup gives the doctor the machine that the program runs on.
package checkup

import (
	"context"
	"net/netip"
	"os"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// Machine is the one that the program runs on.
func Machine(c *config.Config) *doctor.Machine {
	return doctor.NewMachine(c, self.LXCChild(), func(ctx context.Context, b config.Base) (string, bool, error) {
		return bases.Lookup(ctx, c, b)
	}, func(ctx context.Context) ([]string, error) { return bases.LeftOver(ctx, c) },
		func(ctx context.Context) (doctor.Cluster, error) { return cluster(ctx, c) })
}

// cluster looks at that of the engine incus.
func cluster(ctx context.Context, c *config.Config) (found doctor.Cluster, err error) {
	engine, err := machine.Cluster(c, netip.Prefix{})
	if err != nil {
		return found, err
	}
	defer engine.Close()
	members, err := engine.Client.Members(ctx)
	if found.Hidden = api.IsForbidden(err); err != nil && !found.Hidden { // who may look at nothing is told so below
		return found, err
	}
	found.Members = map[string]string{}
	for _, m := range members {
		found.Members[m.Name] = m.Status
	}
	all, err := engine.Bases(ctx)
	for _, b := range all {
		found.Bases = append(found.Bases, doctor.ClusterBase(b))
	}
	return found, err
}

// NeedRoot stops what cannot do without root, in the doctor's words.
func NeedRoot() error { return doctor.Root(os.Geteuid()).Err() }
