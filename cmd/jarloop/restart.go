package main

import (
	"math"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/folders"
)

func restartVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "restart SERVICE...",
		Short: "End what is live of services, and start it again",
		Long: `Restart makes the running agent end what runs of each service, and start what was
live again, in the same container, on its data. Its requests fail meanwhile: to start
the same artefacts anew without that, use jarloop deploy.`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: p.CompleteServices(math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			if _, err := cli.Services(c, args); err != nil {
				return err
			}
			client := control.NewClient(folders.Socket(c))
			for _, name := range args {
				if err := client.Restart(cmd.Context(), control.RestartRequest{Service: name}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
