package main

import (
	"math"
	"os"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/console"
)

func provisionVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:               "provision [BASE...]",
		Short:             "Build the bases that are missing or whose recipe has changed",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: p.Complete(bases.Names, math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			_, err = bases.Provision(cmd.Context(), c, args, console.New(os.Stdout, nil, false))
			return err
		},
	}
}
