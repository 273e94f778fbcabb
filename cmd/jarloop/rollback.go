package main

import (
	"math"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/render"
)

func rollbackVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "rollback SERVICE [SET]",
		Short: "Make an earlier set of artefacts live again",
		Long: `Rollback makes the running agent deploy the set that was live before, or the
one whose ID begins with SET; jarloop history shows which are kept. It stays
live, over restarts of the agent, too, until new bytes come.`,
		Args: cobra.RangeArgs(1, 2), ValidArgsFunction: p.CompleteServices(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			if _, err := cli.Services(c, args[:1]); err != nil {
				return err
			}
			request := control.RollbackRequest{Service: args[0]}
			if len(args) > 1 {
				request.Set = args[1]
			}
			o, err := control.NewClient(folders.Socket(c)).Rollback(cmd.Context(), request)
			if err != nil {
				return err
			}
			return render.Outcome(cmd.OutOrStdout(), o, "; it stays until new bytes come")
		},
	}
}

func pauseVerb(p *cli.Program) *cobra.Command {
	return pausing(p, "pause SERVICE...", "Deploy nothing of services for now, as while debugging",
		`Pause makes the running agent leave services as they are: what is built of them
waits, over restarts of the agent, too. jarloop deploy still deploys one, and
jarloop resume ends it.`, true)
}

func resumeVerb(p *cli.Program) *cobra.Command {
	return pausing(p, "resume SERVICE...", "Deploy what has waited since pause, and what comes",
		`Resume ends what jarloop pause began: the newest artefacts are deployed, unless
they are live.`, false)
}

func pausing(p *cli.Program, use, short, long string, paused bool) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long,
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
				if err := client.Pause(cmd.Context(), control.PauseRequest{Service: name, Paused: paused}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
