package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/agent"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
)

func runVerb(p *cli.Program) *cobra.Command {
	mute, untitled, asJSON := false, false, false
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch the shared folder and redeploy what changes",
		Long: `Run builds the bases that are missing, brings up the services that have
artefacts, and then redeploys each service when its files change, until it is
interrupted. What is changed in the configuration meanwhile is taken up. The
containers go on serving without it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := config.Find(p.ConfigFile)
			if err != nil {
				return err
			}
			c, source, err := config.Open(cmd.Context(), path)
			if err != nil {
				return err
			}
			out := console.New(os.Stdout, c.Order(), asJSON)
			if mute {
				out.Mute()
			}
			if untitled {
				out.Untitled()
			}
			defer out.Detach()()
			defer out.TakeTitle()()
			return agent.Run(cmd.Context(), source, c, out)
		},
	}
	cmd.Flags().BoolVar(&mute, "no-bell", false, "do not ring the terminal's bell when something has failed")
	cmd.Flags().BoolVar(&untitled, "no-title", false, "do not show in the terminal's title how the services are doing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, on a terminal and in the journal too")
	return cmd
}
