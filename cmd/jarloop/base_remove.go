package main

import (
	"context"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/config"
)

func baseRemoveVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME...",
		Short: "Remove bases that jarloop has built",
		Long: `Remove removes bases that jarloop has built, by the names that list shows. It
refuses while clones rest on one, and while an agent runs that makes clones of it;
without an agent, the next one builds those again that the configuration has.`,
		Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: p.Complete(func(c *config.Config) []string {
			there, _ := bases.There(context.Background(), c) // who may not look is offered none
			return there
		}, math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadAsRoot(p)
			if err != nil {
				return err
			}
			return bases.Remove(cmd.Context(), c, args, func(what string) { fmt.Fprintln(cmd.OutOrStdout(), what) })
		},
	}
}
