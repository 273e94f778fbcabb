package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/deployer/base"
)

func (p *program) provisionVerb() *cobra.Command {
	return &cobra.Command{
		Use:               "provision [BASE...]",
		Short:             "Build the bases that are missing or whose recipe has changed",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: p.namesOf(baseNames, math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			for _, name := range args {
				if _, err := recipeOf(c, name); err != nil {
					return err
				}
			}
			_, err = provision(cmd.Context(), c, args, console.New(os.Stdout, nil))
			return err
		},
	}
}

// recipeOf gives the recipe of the base called name.
func recipeOf(c *config.Config, name string) (base.Recipe, error) {
	if b := c.Base(name); b != nil {
		return recipe(*b)
	}
	return base.Recipe{}, usageError{fmt.Errorf("no base %q in the configuration; there are: %s", name, strings.Join(baseNames(c), ", "))}
}

func recipe(b config.Base) (base.Recipe, error) {
	r := base.Recipe{
		Name: b.Name, Distribution: b.Distribution, Template: b.Template, Args: b.Args,
		Packages: b.Packages, Run: b.Run, Mirror: b.Mirror,
	}
	if b.Privileged {
		return r, nil
	}
	var err error
	if r.First, err = base.FirstID(); err != nil {
		return base.Recipe{}, fmt.Errorf("base %s is not privileged: %w", b.Name, err)
	}
	return r, nil
}

// provision makes sure that bases are there, all of them if none is named,
// and gives the container of each.
func provision(ctx context.Context, c *config.Config, names []string, out *console.Console) (map[string]string, error) {
	builder := newBuilder(c)
	builder.Progress = out.Progress
	containers := map[string]string{}
	for _, b := range c.Bases {
		if len(names) > 0 && !slices.Contains(names, b.Name) {
			continue
		}
		r, err := recipe(b)
		if err != nil {
			return nil, err
		}
		container, built, err := builder.Ensure(ctx, r)
		if err != nil {
			return nil, err
		}
		if built {
			out.Built(b.Name, container)
		}
		containers[b.Name] = container
	}
	return containers, nil
}

func newBuilder(c *config.Config) *base.Store {
	return &base.Store{Path: c.LXC.Path, Bridge: c.LXC.Bridge, Btrfs: c.LXC.Backing == config.BackingBtrfs}
}
