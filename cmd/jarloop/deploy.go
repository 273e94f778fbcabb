package main

import (
	"math"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/render"
)

func deployVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "deploy [SERVICE...]",
		Short: "Deploy services now, even if nothing has changed",
		Long: `Deploy makes the running agent deploy what is in the shared folder now, even
what is live already, and even what failed before. It waits for the outcome.`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: p.CompleteServices(math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			names, err := cli.Services(c, args)
			if err != nil {
				return err
			}
			outcomes, err := control.NewClient(folders.Socket(c)).Deploy(cmd.Context(), names)
			if err != nil {
				return err
			}
			for _, o := range outcomes {
				if e := render.Outcome(cmd.OutOrStdout(), o, ""); e != nil {
					err = e
				}
			}
			return err
		},
	}
}
