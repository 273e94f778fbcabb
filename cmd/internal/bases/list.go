package bases

import (
	"context"
	"slices"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer/base"
)

// Listed is a base that jarloop has built.
type Listed struct {
	Container  string    `json:"container"`
	Base       string    `json:"base"`       // its name in the configuration that it was built from
	Configured bool      `json:"configured"` // in this one, of the same recipe
	Clones     []string  `json:"clones"`
	Bytes      int64     `json:"bytes"`
	Begun      time.Time `json:"begun"`
	Complete   bool      `json:"complete"`
}

// List gives the bases that jarloop has built, on this machine or in the cluster.
func List(ctx context.Context, c *config.Config) ([]Listed, error) {
	wanted, err := configured(c)
	if err != nil {
		return nil, err
	}
	in, err := open(c, nil)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	bases, err := in.List(ctx)
	if err != nil {
		return nil, err
	}
	list := []Listed{} // none is an empty list, in JSON too
	for _, b := range bases {
		size, err := in.Size(ctx, b)
		if err != nil {
			return nil, err
		}
		list = append(list, Listed{
			Container: b.Container, Base: b.Name, Configured: slices.Contains(wanted, b.Container),
			Clones: append([]string{}, b.Clones...), Bytes: size, Begun: b.Begun, Complete: b.Complete,
		})
	}
	return list, nil
}

// There gives the containers of the bases that jarloop has built.
func There(ctx context.Context, c *config.Config) ([]string, error) {
	list, err := listed(ctx, c)
	return containers(list), err
}

// LeftOver gives the bases that this configuration does not ask for, and no clone rests
// on.
func LeftOver(ctx context.Context, c *config.Config) ([]string, error) {
	wanted, err := configured(c)
	if err != nil {
		return nil, err
	}
	list, err := listed(ctx, c)
	return containers(slices.DeleteFunc(list, func(b base.Base) bool {
		return len(b.Clones) > 0 || slices.Contains(wanted, b.Container)
	})), err
}

func listed(ctx context.Context, c *config.Config) ([]base.Base, error) {
	in, err := open(c, nil)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return in.List(ctx)
}

func containers(bases []base.Base) (names []string) {
	for _, b := range bases {
		names = append(names, b.Container)
	}
	return names
}

// Lookup gives the container of a base, and says whether it is there.
func Lookup(ctx context.Context, c *config.Config, b config.Base) (container string, there bool, err error) {
	r, err := Recipe(c, b)
	if err != nil {
		return "", false, err
	}
	in, err := open(c, nil)
	if err != nil {
		return "", false, err
	}
	defer in.Close()
	return in.There(ctx, r)
}
