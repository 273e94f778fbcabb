package main

import (
	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/render"
	"github.com/jarloop/jarloop/cmd/internal/sets"
)

func historyVerb(p *cli.Program) *cobra.Command {
	most := 0
	cmd := &cobra.Command{
		Use:   "history SERVICE [FROM [TO]]",
		Short: "Show the deploys of a service, and what differs between two sets",
		Long: `History shows what became of the deploys of a service, the newest first, and of
which the sets are kept. With one or two sets, named by how their IDs begin, it
shows which files differ, and inside JARs which entries; TO is the newest kept.
It needs no agent, but root.`,
		Args: cobra.RangeArgs(1, 3), ValidArgsFunction: p.CompleteServices(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			if _, err := cli.Services(c, args[:1]); err != nil {
				return err
			}
			known, err := sets.Of(folders.History(c), folders.Sets(c), args[0])
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return render.History(cmd.OutOrStdout(), known, most)
			}
			from, to, all, err := known.Compare(args[1], args[2:]...)
			if err == nil {
				render.Differences(cmd.OutOrStdout(), from, to, all)
			}
			return err
		},
	}
	cmd.Flags().IntVarP(&most, "number", "n", 20, "show so many deploys")
	return cmd
}
