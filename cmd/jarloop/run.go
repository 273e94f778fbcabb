package main

import (
	"math"
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
		Use:   "run [SERVICE...]",
		Short: "Watch the shared folder and redeploy what changes",
		Long: `Run builds the bases that are missing, brings up the services that have
artefacts, and then redeploys each service when its files change, until it is
interrupted. What is changed in the configuration meanwhile is taken up. The
containers go on serving without it.

With names of services it brings up those and what they need, and nothing else:
of the others, what an earlier agent has left live is ended, as if they were not in
the configuration, and their data stay.`,
		Example: "  jarloop run\n  jarloop run frontend",
		Args:    cobra.ArbitraryArgs, ValidArgsFunction: p.CompleteServices(math.MaxInt),
		RunE: func(cmd *cobra.Command, names []string) error {
			path, err := config.Find(p.ConfigFile)
			if err != nil {
				return err
			}
			c, source, err := config.Open(cmd.Context(), path)
			if err != nil {
				return err
			}
			if len(names) > 0 {
				if source.Only, err = cli.Services(c, names); err != nil {
					return err
				}
				if c, err = source.Parse(); err != nil {
					return err
				}
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
