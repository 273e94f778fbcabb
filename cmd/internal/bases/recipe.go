// Package bases has the bases that a configuration asks for: it builds those that
// are missing, lists and removes those on this machine or in the cluster, and carries them
// in files. deployer/base does the work, and deployer/incus for a cluster.
package bases

import (
	"fmt"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/deployer/base"
)

// Names gives the names of the configuration's bases.
func Names(c *config.Config) (names []string) {
	for _, b := range c.Bases {
		names = append(names, b.Name)
	}
	return names
}

// Recipe gives what a base is made of.
func Recipe(c *config.Config, b config.Base) (base.Recipe, error) {
	r := base.Recipe{
		Name: b.Name, Distribution: b.Distribution, Template: b.Template, Args: b.Args,
		Packages: b.Packages, Run: b.Run, Mirror: b.Mirror,
	}
	if b.Privileged || c.Incus() { // who root is outside, Incus says
		return r, nil
	}
	var err error
	if r.First, err = base.FirstID(); err != nil {
		return base.Recipe{}, fmt.Errorf("base %s is not privileged: %w", b.Name, err)
	}
	return r, nil
}

// Named gives the recipe of the base called name.
func Named(c *config.Config, name string) (base.Recipe, error) {
	if b := c.Base(name); b != nil {
		return Recipe(c, *b)
	}
	return base.Recipe{}, exit.Usagef("no base %q in the configuration; there are: %s", name, strings.Join(Names(c), ", "))
}

// configured gives the containers of the configuration's bases.
func configured(c *config.Config) ([]string, error) {
	var names []string
	for _, b := range c.Bases {
		r, err := Recipe(c, b)
		if err != nil {
			return nil, err
		}
		names = append(names, r.Container())
	}
	return names, nil
}
