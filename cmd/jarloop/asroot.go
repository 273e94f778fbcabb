package main

import (
	"github.com/jarloop/jarloop/cmd/internal/checkup"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/config"
)

// loadAsRoot reads the configuration for a verb that cannot do without root.
func loadAsRoot(p *cli.Program) (*config.Config, error) {
	c, err := p.Load()
	if err != nil {
		return nil, err
	}
	return c, checkup.NeedRoot()
}
