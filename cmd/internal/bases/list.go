package bases

import (
	"context"
	"slices"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer/base"
)

// Listed is a base on this machine.
type Listed struct {
	Container  string    `json:"container"`
	Base       string    `json:"base"`       // its name in the configuration that it was built from
	Configured bool      `json:"configured"` // in this one, of the same recipe
	Clones     []string  `json:"clones"`
	Bytes      int64     `json:"bytes"`
	Begun      time.Time `json:"begun"`
	Complete   bool      `json:"complete"`
}

// List gives the bases that jarloop has built on this machine.
func List(ctx context.Context, c *config.Config) ([]Listed, error) {
	builder := Store(c)
	bases, err := builder.List()
	if err != nil {
		return nil, err
	}
	wanted, err := configured(c)
	if err != nil {
		return nil, err
	}
	list := []Listed{} // none is an empty list, in JSON too
	for _, b := range bases {
		size, err := builder.Size(ctx, b.Container)
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

// There gives the containers of the bases on this machine.
func There(c *config.Config) ([]string, error) {
	list, err := Store(c).List()
	return containers(list), err
}

// LeftOver gives the bases that no configuration asks for any more, and no clone
// rests on.
func LeftOver(c *config.Config) ([]string, error) {
	wanted, err := configured(c)
	if err != nil {
		return nil, err
	}
	list, err := Store(c).List()
	return containers(slices.DeleteFunc(list, func(b base.Base) bool {
		return len(b.Clones) > 0 || slices.Contains(wanted, b.Container)
	})), err
}

func containers(bases []base.Base) (names []string) {
	for _, b := range bases {
		names = append(names, b.Container)
	}
	return names
}
